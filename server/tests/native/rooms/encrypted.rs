//! A database that is reached over TLS: what `sslmode` and `sslrootcert` in its address mean.

use std::path::Path;
use std::process::Command;

use super::{QUOTA, say};
use crate::classroom::port::student_port;
use crate::classroom::postgres::Postgres;
use crate::classroom::{TestServer, needs};
use tcp_classroom::Rooms;

/// Makes a key and a certificate in a folder, signed by an authority in it, or an authority.
fn certify(folder: &Path, name: &str, by: Option<&str>) {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(["req", "-x509", "-days", "2", "-nodes"]);
    command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
    command.args(["-subj", &format!("/CN={name}")]);
    if let Some(by) = by {
        command.args(["-CA", &format!("{by}.pem"), "-CAkey", &format!("{by}.key")]);
        command.args(["-addext", "subjectAltName=DNS:localhost"]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    }
    let made = command.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A cluster that takes connections of TCP, encrypted or not, and its port.
fn cluster(certificates: &Path) -> Option<(Postgres, u16)> {
    if !needs::program("openssl", "version") {
        return None;
    }
    for authority in ["trusted", "other"] {
        certify(certificates, authority, None);
    }
    certify(certificates, "server", Some("trusted"));
    let port = student_port();
    let here = certificates.display();
    let options = format!(
        "-c listen_addresses=127.0.0.1 -c ssl=on \
         -c ssl_cert_file={here}/server.pem -c ssl_key_file={here}/server.key"
    );
    let key = [certificates.join("server.key")];
    Some((Postgres::start_with(port, &options, &key)?, port))
}

#[tokio::test]
async fn the_database_is_reached_encrypted_as_its_address_says_and_by_whom_it_trusts() {
    let certificates = tempfile::tempdir().unwrap();
    let Some((postgres, port)) = cluster(certificates.path()) else { return };
    let database = postgres.database().await;
    let name = database.rsplit('/').next().unwrap();
    let here = certificates.path().display();
    let (trusted, other) = (format!("{here}/trusted.pem"), format!("{here}/other.pem"));
    let address = |host: &str, options: &str| {
        format!("postgres://classroom@{host}:{port}/{name}?connect_timeout=5{options}")
    };
    let watching = postgres.connect(name).await;
    let encrypted = "select bool_and(s.ssl), count(*) from pg_stat_ssl s \
                     join pg_stat_activity a using (pid) where a.application_name = 'tcp-classroom'";

    for (options, is_encrypted) in [
        (format!("&sslmode=verify-full&sslrootcert={trusted}"), true),
        (format!("&sslmode=require&sslrootcert={trusted}"), true),
        ("&sslmode=require".to_owned(), true),
        (String::new(), true),
        ("&sslmode=disable".to_owned(), false),
    ] {
        let rooms = Rooms::connect(&address("localhost", &options)).await;
        let rooms = rooms.unwrap_or_else(|error| panic!("{options}: {error:#}"));
        let room = rooms.create("Class 3b", QUOTA).await.unwrap();
        let server = TestServer::with_book(rooms.book(&room.code).await.unwrap(), |_| {}).await;
        assert_eq!(say(&mut server.tcp().await, "add;a;1").await, "a added!", "{options}");
        let row = watching.query_one(encrypted, &[]).await.unwrap();
        assert_eq!(row.get::<_, Option<bool>>(0), Some(is_encrypted), "{options}");
        server.stop().await;
        drop(rooms);
        // Those of the next address are looked at alone.
        let all = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where application_name = 'tcp-classroom'";
        watching.execute(all, &[]).await.unwrap();
    }

    for (host, options) in [
        ("localhost", format!("&sslmode=verify-full&sslrootcert={other}")),
        ("localhost", format!("&sslmode=require&sslrootcert={other}")),
        ("127.0.0.1", format!("&sslmode=verify-full&sslrootcert={trusted}")),
    ] {
        let refused = Rooms::connect(&address(host, &options)).await.unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains("certificate is not trusted"), "{host}{options}: {refused}");
    }
    let absent = format!("&sslmode=verify-full&sslrootcert={here}/absent.pem");
    let refused = Rooms::connect(&address("localhost", &absent)).await.unwrap_err();
    assert!(format!("{refused:#}").contains("absent.pem"), "{refused:#}");
}

#[tokio::test]
async fn a_database_that_cannot_encrypt_is_refused_where_it_has_to() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    let refused = Rooms::connect(&format!("{url}?sslmode=require")).await.unwrap_err();
    assert!(format!("{refused:#}").contains("TLS"), "{refused:#}");
    Rooms::connect(&format!("{url}?sslmode=prefer")).await.unwrap();
}
