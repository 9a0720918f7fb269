//! The class behind nginx, for https and in a folder, set up as `deploy/nginx.conf` says.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::classroom::homework::{HomeworkPage, KEY, RealCheck, right_server};
use crate::classroom::port::student_port;
use crate::classroom::{TestServer, must, needs, wait_until};

/// nginx in front of a server, with a certificate that no computer knows.
struct Proxy {
    nginx: Child,
    /// Where the page is.
    page: String,
    certificate: PathBuf,
}

impl Proxy {
    /// Starts it with its files in a folder, or nothing where the test is skipped.
    fn start(folder: &Path, http: SocketAddr) -> Option<Self> {
        if !needs::program("nginx", "-v") || !needs::program("openssl", "version") {
            return None;
        }
        let certificate = folder.join("certificate.pem");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-subj", "/CN=class", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-keyout", "key.pem", "-out"])
            .arg(&certificate)
            .current_dir(folder)
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let port = student_port();
        let here = folder.display();
        // What is shipped, with this machine's port, addresses and files.
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/nginx.conf");
        let shipped = std::fs::read_to_string(shipped).unwrap();
        let mut site = shipped.clone();
        for (before, after) in [
            (
                "listen 80;",
                format!(
                    "listen 127.0.0.1:{port} ssl; ssl_certificate {here}/certificate.pem; \
                     ssl_certificate_key {here}/key.pem;"
                ),
            ),
            ("    location / {", "    location /classroom/ {".to_owned()),
            ("proxy_pass http://127.0.0.1:8080;", format!("proxy_pass http://{http}/;")),
        ] {
            assert!(site.contains(before), "{before}");
            site = site.replacen(before, &after, 1);
        }
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
            .concat();
        let all = format!(
            "daemon off; master_process off; pid {here}/pid; error_log {here}/errors;\n\
             events {{}}\nhttp {{ access_log off; {temporary}\n{site} }}"
        );
        std::fs::write(folder.join("nginx.conf"), all).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(folder).args(["-e", "errors", "-c", "nginx.conf"]);
        let nginx = nginx.stderr(Stdio::null()).spawn().unwrap();
        let page = format!("https://127.0.0.1:{port}/classroom/");
        let proxy = Proxy { nginx, page, certificate };
        wait_until("nginx listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(proxy)
    }

    /// Downloads `check.py` as the page's link does, by somebody who trusts it.
    async fn download(&self, folder: &Path, code: &str) {
        let websocket = self.page.replacen("http", "ws", 1);
        let link = format!("{}check.py?code={code}&page={websocket}", self.page);
        let get = "import sys, urllib.request as web; \
                   open('check.py', 'wb').write(web.urlopen(sys.argv[1]).read())";
        // Waited for by the runtime, which has the server, too.
        let mut python = tokio::process::Command::new("python3");
        python.args(["-c", get, &link]).current_dir(folder);
        let status = python.env("SSL_CERT_FILE", &self.certificate).status();
        assert!(must("the download", status).await.unwrap().success());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.nginx.kill();
        let _ = self.nginx.wait();
    }
}

#[tokio::test]
async fn check_py_from_a_page_in_a_folder_behind_https_goes_the_same_way_back() {
    let (server, folder) = (TestServer::start().await, tempfile::tempdir().unwrap());
    let Some(proxy) = Proxy::start(folder.path(), server.http) else { return };
    let mut page = HomeworkPage::open(server.http, KEY).await;
    let code = page.last.code.clone();
    proxy.download(folder.path(), &code).await;
    let script = std::fs::read_to_string(folder.path().join("check.py")).unwrap();
    assert!(script.contains(&format!("CLASSROOM = '{}'", proxy.page)), "{script}");
    std::fs::write(folder.path().join("server.py"), right_server(student_port())).unwrap();
    let trusts = [("SSL_CERT_FILE", proxy.certificate.as_path())];
    let mut check = RealCheck::run(folder.path(), "server.py", &trusts);
    assert!(page.result().await.passed, "{:?}", page.last);
    check.until_said("Passed").await;
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_check_py_with_what_to_do() {
    let (server, folder) = (TestServer::start().await, tempfile::tempdir().unwrap());
    let Some(proxy) = Proxy::start(folder.path(), server.http) else { return };
    let page = HomeworkPage::open(server.http, KEY).await;
    proxy.download(folder.path(), &page.last.code).await;
    std::fs::write(folder.path().join("server.py"), right_server(student_port())).unwrap();
    let mut check = RealCheck::run(folder.path(), "server.py", &[]);
    check.until_said("Install Certificates.command").await;
    check.until_said("Or ask for an http:// address.").await;
    assert_eq!(check.ended().await.code(), Some(1));
}
