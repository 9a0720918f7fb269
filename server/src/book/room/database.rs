//! Database: connections to PostgreSQL, and whether it answers.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use deadpool_postgres::{
    Connect, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client as PgClient, Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::schema;
use super::tls::{self, TlsOptions};
use crate::language::localized;

/// The schema that holds the tables, so that the database may hold other things, too.
pub(super) const SCHEMA: &str = "tcp_classroom";

/// Time to reach one host: on one network it takes less than 5 ms. Behind it the next host
/// of the address is tried.
const REACHING: Duration = Duration::from_millis(1_500);

/// Time to connect and log in, with two hosts of three that are dead.
const CONNECTING: Duration = Duration::from_secs(5);

/// How long the database does not answer before that is told: a connection that broke is
/// replaced in less.
const TOLD_AFTER: Duration = Duration::from_secs(1);

/// Time without an acknowledgement after which the system gives a connection up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// What the server sets for each session. A session that stays within a transaction
/// is one whose server is gone; it must not hold locks that other servers wait for.
/// Commits are confirmed when they are on the disk, with Patroni on two machines'; a
/// timeout of statements, which a database may have for all, would have a commit that waits
/// for the second machine called done.
///
/// Rows are reached by their keys, in nested loops over indexes. A plan is kept, and may have
/// been made while the tables were empty, where scans and hash joins look cheaper: a change
/// would read all contacts of all rooms until the next `analyze`. What can only be scanned
/// still is; it then counts as so expensive that PostgreSQL would compile it (JIT), which
/// takes 0.5 s. The plan is one for all values: of the small arrays of a group PostgreSQL
/// would make a new one each time, which is a sixth of its work.
const SETTINGS: &str = "-c idle_in_transaction_session_timeout=5000 -c synchronous_commit=on \
                        -c statement_timeout=0 -c tcp_user_timeout=5000 \
                        -c default_transaction_isolation=read\\ committed \
                        -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off \
                        -c jit=off -c plan_cache_mode=force_generic_plan";

/// A database and the connections to it. Clones share them.
#[derive(Clone)]
pub(crate) struct Database {
    pool: Pool,
    config: Config,
    tls: MakeRustlsConnect,
    health: Arc<Health>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("health", &self.health).finish_non_exhaustive()
    }
}

impl Database {
    /// Connects, `most` connections at once later on, and brings the tables up to date.
    ///
    /// # Errors
    ///
    /// The URL is none, or the database cannot be used; the message says why, without
    /// the password.
    pub(crate) async fn connect(url: &str, most: usize) -> anyhow::Result<Self> {
        let (url, encryption) = TlsOptions::take_from(url)?;
        let tls = encryption.connector()?;
        let mut config: Config = url.parse().with_context(|| {
            localized!(
                "数据库地址不对，应当像 postgres://用户@主机/数据库",
                "that is no address of a database, which is like postgres://USER@HOST/DATABASE"
            )
        })?;
        let options = config.get_options().unwrap_or_default();
        // The last one of a setting holds: the address cannot undo these.
        let options = format!("{options} -c search_path={SCHEMA} {SETTINGS}");
        config.options(options).application_name("tcp-classroom").ssl_mode(encryption.ssl_mode());
        // Of several hosts the primary is wanted, wherever it is.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let pool = pool(&config, &tls, most)?;
        let database = Database { pool, config, tls, health: Arc::default() };
        let cannot = || localized!("无法使用数据库", "cannot use the database");
        let mut client = database.client().await.map_err(explain).with_context(cannot)?;
        schema::migrate(&mut client).await.with_context(cannot)?;
        client.give_back();
        Ok(database)
    }

    /// The same database with other connections, `most` at once, so that neither those
    /// who use these nor those who use the others wait for each other.
    ///
    /// # Errors
    ///
    /// Never: there is a runtime where there is a database.
    pub(super) fn apart(&self, most: usize) -> anyhow::Result<Self> {
        Ok(Database { pool: pool(&self.config, &self.tls, most)?, ..self.clone() })
    }

    /// A connection, which is closed when it is dropped, unless it is given back.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        Ok(Client(Some(self.pool.get().await?)))
    }

    /// The answer to a question that needs no more than some milliseconds, its connection
    /// included. A machine that is stopped keeps its connections and says nothing; without
    /// a limit such questions would take up all connections for good.
    ///
    /// # Errors
    ///
    /// The question failed, or took longer than [`CONNECTING`].
    pub(crate) async fn in_time<T>(
        &self,
        question: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let answer = timeout(CONNECTING, question).await.context("it took too long").flatten();
        if answer.is_err() {
            self.close_idle();
        }
        answer
    }

    /// Makes a connection of one's own, which its caller drives.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(super) async fn connect_apart(&self) -> anyhow::Result<(PgClient, Driver)> {
        let connecting = timeout(CONNECTING, connect(&self.config, &self.tls)).await;
        Ok(connecting.context("connecting took too long")??)
    }

    /// Closes the idle connections. To be called where one has failed: the
    /// others may lead to the same machine.
    pub(super) fn close_idle(&self) {
        let _ = self.pool.retain(|_, _| false);
    }

    /// Whether the database answers, as far as is known.
    pub(super) fn health(&self) -> &Health {
        &self.health
    }
}

/// A connection on loan.
///
/// Dropping it closes the connection, since a future that was dropped or failed may have
/// left a transaction open; [`give_back`](Self::give_back) is for one that is clean.
#[derive(Debug)]
pub(crate) struct Client(Option<Object>);

impl Client {
    /// Returns the connection to those that wait for use.
    pub(crate) fn give_back(mut self) {
        self.0 = None;
    }
}

impl Deref for Client {
    type Target = Object;

    fn deref(&self) -> &Object {
        self.0.as_ref().expect("it is given back only with the value itself")
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Object {
        self.0.as_mut().expect("it is given back only with the value itself")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

fn pool(config: &Config, tls: &MakeRustlsConnect, most: usize) -> anyhow::Result<Pool> {
    let method = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    Ok(Pool::builder(Manager::from_connect(config.clone(), AnyHost(tls.clone()), method))
        .runtime(Runtime::Tokio1)
        .max_size(most)
        .create_timeout(Some(CONNECTING))
        .wait_timeout(Some(CONNECTING))
        .build()?)
}

/// Says what to do where that is known.
fn explain(error: anyhow::Error) -> anyhow::Error {
    let pool = error.downcast_ref::<PoolError>();
    let of_database = pool.and_then(|error| match error {
        PoolError::Backend(error) => Some(error),
        _ => None,
    });
    match of_database.and_then(tls::explain) {
        Some(explained) => anyhow!(explained),
        None => error,
    }
}

/// Connects to whichever host takes writes.
struct AnyHost(MakeRustlsConnect);

impl Connect for AnyHost {
    fn connect(
        &self,
        config: &Config,
    ) -> BoxFuture<'_, Result<(PgClient, JoinHandle<()>), tokio_postgres::Error>> {
        let (config, tls) = (config.clone(), self.0.clone());
        Box::pin(async move {
            let (client, driver) = connect(&config, &tls).await?;
            let driving = tokio::spawn(async move {
                if let Err(error) = driver.await {
                    tracing::debug!("a connection to the database broke: {error}");
                }
            });
            Ok((client, driving))
        })
    }
}

/// What moves a connection's bytes.
pub(super) type Driver =
    tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Connects to the hosts of the address in random order, to the first that takes writes.
/// Each may take [`REACHING`], login included: a machine that is stopped takes
/// connections and says nothing, which tokio-postgres's own timeout does not notice.
async fn connect(
    config: &Config,
    tls: &MakeRustlsConnect,
) -> Result<(PgClient, Driver), tokio_postgres::Error> {
    let one = |host| one_host(config, host);
    let mut hosts: Vec<usize> = (0..config.get_hosts().len()).collect();
    fastrand::shuffle(&mut hosts);
    let last = hosts.pop();
    for host in hosts {
        if let Ok(Ok(connected)) = timeout(REACHING, one(host).connect(tls.clone())).await {
            return Ok(connected);
        }
    }
    // Its error is told. How long it may take is up to the caller.
    match last {
        Some(host) => one(host).connect(tls.clone()).await,
        None => config.connect(tls.clone()).await,
    }
}

/// The configuration with one of its hosts alone.
fn one_host(config: &Config, host: usize) -> Config {
    let mut one = Config::new();
    let ports = config.get_ports();
    if let Some(port) = ports.get(host).or_else(|| ports.first()) {
        one.port(*port);
    }
    match &config.get_hosts()[host] {
        Host::Tcp(name) => one.host(name),
        #[cfg(unix)]
        Host::Unix(path) => one.host_path(path),
    };
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(name) = config.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    if let Some(name) = config.get_application_name() {
        one.application_name(name);
    }
    one.ssl_mode(config.get_ssl_mode());
    one.target_session_attrs(config.get_target_session_attrs());
    one.connect_timeout(REACHING).tcp_user_timeout(UNACKNOWLEDGED);
    one.keepalives_idle(UNACKNOWLEDGED);
    one
}

/// Whether the database answers; each change of that is told on standard error once,
/// whichever lane notices it.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Since when it has not answered.
    away_since: Option<Instant>,
    is_told: bool,
}

impl Health {
    /// Notes that it did not answer.
    pub(super) fn failed(&self, error: &anyhow::Error) {
        let mut state = self.state();
        let since = *state.away_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= TOLD_AFTER && !std::mem::replace(&mut state.is_told, true) {
            tracing::error!(
                "{}",
                localized!(
                    "数据库没有回应（{error:#}）；改动和查找暂时做不了，恢复后自动继续",
                    "the database does not answer ({error:#}); changes and finds are refused \
                     until it does"
                )
            );
        }
    }

    /// Notes that it answered.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        state.away_since = None;
        if std::mem::take(&mut state.is_told) {
            tracing::warn!("{}", localized!("数据库恢复了", "the database answers again"));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
