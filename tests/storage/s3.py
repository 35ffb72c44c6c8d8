"""leat query on S3: paths, globs, COPY, large objects, settings, credentials, errors. Arguments: DIR of a running versitygw
(scripts/services/s3.sh), and optionally moto's address. The environment holds the server's address and keys."""
import http.client
import http.server
import json
import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import typing
import urllib.parse

LEAT = os.environ["LEAT"]
DATA = os.path.join(sys.argv[1], "data")
MOTO = sys.argv[2] if len(sys.argv) > 2 else ""
SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]
WORK = tempfile.mkdtemp()
passed = failed = 0


def check(name: str, ok: bool, detail: str = "") -> None:
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {detail}"[:600])


def query(sql: str, *options: str, **environment: str | None) -> tuple[int, str, str]:
    env = {k: v for k, v in {**os.environ, **environment}.items() if v is not None}
    run = subprocess.run([LEAT, "query", "-q", "--format", "csv", *options, "-c", sql], capture_output=True, text=True, check=False, env=env, cwd=WORK)
    if SECRET in run.stdout + run.stderr:
        check("secrets are not shown", False, run.stderr)
    return run.returncode, run.stdout, run.stderr


def rows(name: str, sql: str, wanted: str, *options: str, **environment: str | None) -> None:
    code, out, err = query(sql, *options, **environment)
    got = "\n".join(out.split("\n")[1:]).strip()
    check(name, code == 0 and got == wanted, f"{got!r} instead of {wanted!r}: {err}")


def error(name: str, sql: str, code: str, *words: str, **environment: str | None) -> None:
    status, out, err = query(sql, **environment)
    check(name, status != 0 and f"error[{code}]" in err and all(w in err for w in words) and not out, f"{status} {err}")


def settings(**keys) -> str:
    path = os.path.join(WORK, f"s3_{len(os.listdir(WORK))}.json")
    with open(path, "w") as out:
        json.dump(keys, out)
    return path


def formats(bucket: str, environment: dict) -> None:
    series = "SELECT i, i * 2 AS d, 'text ' || i AS t FROM generate_series(1, 5000) g(i)"
    for ending in ("csv", "ndjson", "parquet", "avro"):
        path = f"s3://{bucket}/a b/ü+%25&x=y,{ending}.{ending}"
        code, _, err = query(f"COPY ({series}) TO '{path}'", **environment)
        check(f"{bucket}: COPY TO {ending}", code == 0, err)
        rows(f"{bucket}: read {ending}", f"SELECT count(*), sum(d), min(t) FROM '{path}'", "5000,25005000,text 1", **environment)
    rows(f"{bucket}: empty glob part", f"SELECT count(*) FROM 's3://{bucket}/a b/*.parquet'", "5000", **environment)
    query(f"COPY (SELECT 1 AS a) TO 's3://{bucket}/again.csv'", **environment)
    query(f"COPY (SELECT 2 AS a) TO 's3://{bucket}/again.csv'", **environment)
    rows(f"{bucket}: COPY replaces", f"SELECT * FROM 's3://{bucket}/again.csv'", "2", **environment)


def large(bucket: str, environment: dict) -> None:
    series = "SELECT i, md5(i::text) AS t FROM generate_series(1, 700000) g(i)"
    for ending in ("csv", "parquet"):
        path = f"s3://{bucket}/large/x.{ending}"
        code, _, err = query(f"COPY ({series}) TO '{path}'", **environment)
        check(f"{bucket}: many parts, {ending}", code == 0, err)
        local = os.path.join(WORK, f"x.{ending}")
        query(f"COPY ({series}) TO '{local}'")
        wanted = query(f"SELECT count(*), sum(i), min(t), max(t) FROM '{local}'")[1].split("\n")[1]
        rows(f"{bucket}: read many parts, {ending}", f"SELECT count(*), sum(i), min(t), max(t) FROM '{path}'", wanted, **environment)
    rows(f"{bucket}: few columns and rows", f"SELECT i FROM 's3://{bucket}/large/*.parquet' WHERE t = md5('77777')", "77777", **environment)


def globs() -> None:
    for key in ("g/year=2024/a.csv", "g/year=2025/b.csv", "g/year=2025/_skip.csv", "g/_tmp/c.csv", "g/top.csv", "g/top.txt"):
        query(f"COPY (SELECT '{key}' AS k) TO 's3://leat/{key}' (FORMAT csv)")
    rows("glob of one folder", "SELECT k FROM 's3://leat/g/*.csv'", "g/top.csv")
    rows("glob of folders", "SELECT k FROM 's3://leat/g/year=*/[ab].csv' ORDER BY 1", "g/year=2024/a.csv\ng/year=2025/b.csv")
    rows("glob of any depth", "SELECT k FROM 's3://leat/g/**/*.csv' ORDER BY 1", "g/top.csv\ng/year=2024/a.csv\ng/year=2025/_skip.csv\ng/year=2025/b.csv")
    rows("a folder", "SELECT k FROM read_csv('s3://leat/g/year=2025')", "g/year=2025/b.csv")
    rows("braces", "SELECT k FROM 's3://leat/g/{top,none}.csv'", "g/top.csv")
    rows("s3a is s3", "SELECT k FROM 's3a://leat/g/top.csv'", "g/top.csv")
    os.makedirs(os.path.join(DATA, "leat", "many"))
    for i in range(2300):
        with open(os.path.join(DATA, "leat", "many", f"{i:05}.csv"), "w") as out:
            out.write(f"i\n{i}\n")
    query("COPY (SELECT i FROM generate_series(1, 10) g(i)) TO 's3://leat/small/0.parquet'")
    for i in range(1, 80):
        shutil.copy(os.path.join(DATA, "leat", "small", "0.parquet"), os.path.join(DATA, "leat", "small", f"{i}.parquet"))
    rows("many small Parquet files", "SELECT count(*), sum(i) FROM 's3://leat/small/*.parquet'", "800,4400")
    rows("listings of several pages", "SELECT count(*) FROM read_csv('s3://leat/many/*[05].csv')", "460")
    rows("listings of several pages from a mark", "SELECT count(*), max(i) FROM read_csv('s3://leat/many/0229*.csv')", "10,2299")


def errors() -> None:
    read = "SELECT * FROM 's3://leat/g/top.csv'"
    error("missing bucket", "SELECT * FROM 's3://nobucket/x.csv'", "L3203", "nobucket", "NoSuchBucket", "request")
    error("missing bucket in a glob", "SELECT * FROM 's3://nobucket/*.csv'", "L3203", "nobucket")
    error("writing to a missing bucket", "COPY (SELECT 1) TO 's3://nobucket/x.csv'", "L3203", "nobucket")
    error("missing object", "SELECT * FROM 's3://leat/none.csv'", "L0005", "s3://leat/none.csv")
    error("no match", "SELECT * FROM 's3://leat/none*.csv'", "L1410")
    error("no bucket", "SELECT * FROM 's3:///x.csv'", "L3203")
    error("bad bucket", "SELECT * FROM 's3://a$b/x.csv'", "L3203")
    error("wrong secret", read, "L3202", "SignatureDoesNotMatch", "hint", AWS_SECRET_ACCESS_KEY="wrong")
    error("unknown key", read, "L3202", "hint", AWS_ACCESS_KEY_ID="nobody")
    error("wrong region", read, "L3204", "AWS_REGION=us-east-1", AWS_REGION="eu-west-1")
    error("no credentials", read, "L3202", "no credentials", AWS_ACCESS_KEY_ID=None)
    error("nobody listens", read, "L0017", "127.0.0.1:1/", LEAT_S3_CONFIG=settings(attempts=2), AWS_ENDPOINT_URL_S3="http://127.0.0.1:1")
    error("unknown scheme", "SELECT * FROM 'gs://x/y.csv'", "L0016", "s3")
    error("missing settings", read, "L0005", "LEAT_S3_CONFIG", LEAT_S3_CONFIG=os.path.join(WORK, "none.json"))
    error("wrong settings", read, "L3205", "regoin", LEAT_S3_CONFIG=settings(regoin="x"))
    error("a secret in the settings", read, "L3205", "secret_key", LEAT_S3_CONFIG=settings(secret_key="topsecret"))
    error("a reference to nothing", read, "L3202", "NOT_THERE",
          LEAT_S3_CONFIG=settings(access_key={"env": "NOT_THERE"}, secret_key={"env": "NOT_THERE"}))


def configured() -> None:
    read, wanted = "SELECT k FROM 's3://leat/g/top.csv'", "g/top.csv"
    endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
    secret_file = os.path.join(WORK, "secret")
    with open(secret_file, "w") as out:
        out.write(SECRET + "\n")
    bare = {"AWS_ENDPOINT_URL_S3": None, "AWS_REGION": None, "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    references = {"access_key": {"env": "MY_KEY"}, "secret_key": {"file": secret_file}}
    path = settings(endpoint=endpoint, region="us-east-1", **references)
    rows("settings with references", read, wanted, LEAT_S3_CONFIG=path, MY_KEY="leatkey", **bare)
    path = settings(endpoint="http://127.0.0.1:1", attempts=1, buckets={"leat": {"endpoint": endpoint}}, **references)
    rows("settings of a bucket", read, wanted, LEAT_S3_CONFIG=path, MY_KEY="leatkey", **bare)
    path = settings(endpoint=endpoint.replace("127.0.0.1", "localhost"), path_style=False)
    rows("bucket in the host's name", "SELECT count(*) FROM 's3://leat/g/**/*.csv'", "4", LEAT_S3_CONFIG=path)
    # Workers are told where the storage is, and find the credentials themselves.
    wrapper = os.path.join(WORK, "worker.sh")
    with open(wrapper, "w") as out:
        out.write(f'#!/bin/sh\nunset AWS_ENDPOINT_URL_S3 AWS_REGION LEAT_S3_CONFIG\nexec {LEAT} "$@"\n')
    os.chmod(wrapper, os.stat(wrapper).st_mode | stat.S_IXUSR)
    rows("settings travel to workers", "SELECT count(*), sum(i) FROM 's3://leat/large/*.parquet'", "700000,245000350000",
         "--on", "local:processes", LEAT_WORKER=wrapper)


class Services(http.server.BaseHTTPRequestHandler):
    """What hands out credentials: the container's agent, the instance's metadata (version 2), the token service."""

    keys: typing.ClassVar = {"AccessKeyId": "leatkey", "SecretAccessKey": SECRET, "Token": "", "Expiration": "2099-01-01T00:00:00Z"}

    def log_message(self, *_):
        pass

    def answer(self, status: int, text: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        ok = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self.answer(200 if ok else 403, "the-token" if ok else "")

    def do_GET(self):
        if self.path == "/agent":
            ok = self.headers["Authorization"] == "agent-token"
            return self.answer(200, json.dumps(self.keys)) if ok else self.answer(403, "no")
        if self.headers["X-aws-ec2-metadata-token"] != "the-token":
            return self.answer(401, "version 1 is refused")
        role = "/latest/meta-data/iam/security-credentials/"
        if self.path == role:
            return self.answer(200, "my-role\n")
        return self.answer(200, json.dumps(self.keys)) if self.path == role + "my-role" else self.answer(404)

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form.get("WebIdentityToken") != ["web token/+="] or form.get("RoleArn") != ["arn:aws:iam::1:role/x"]:
            return self.answer(403, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>")
        return self.answer(200, "<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><R><Credentials>"
                           f"<AccessKeyId>leatkey</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken></SessionToken>"
                           "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R></AssumeRoleWithWebIdentityResponse>")


def credentials() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Services)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    read, wanted = "SELECT k FROM 's3://leat/g/top.csv'", "g/top.csv"
    none = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "HOME": WORK}
    os.makedirs(os.path.join(WORK, ".aws"))
    with open(os.path.join(WORK, ".aws", "credentials"), "w") as out:
        out.write(f"[other]\naws_access_key_id = leatkey\naws_secret_access_key = {SECRET}\n")
    rows("credentials of a profile", read, wanted, **none, AWS_PROFILE="other")
    error("a profile without them", read, "L3202", "mine", **none, AWS_PROFILE="mine")
    agent = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": base + "/agent"}
    rows("credentials of a container", read, wanted, **none, **agent, AWS_CONTAINER_AUTHORIZATION_TOKEN="agent-token")
    error("an agent that refuses", read, "L3202", "agent", **none, **agent)
    error("an agent elsewhere", read, "L3202", "FULL_URI", **none, AWS_CONTAINER_CREDENTIALS_FULL_URI="http://example.com/x")
    instance = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": base, "AWS_EC2_METADATA_DISABLED": None}
    rows("credentials of an instance", read, wanted, **none, **instance)
    token = os.path.join(WORK, "token")
    with open(token, "w") as out:
        out.write("web token/+=\n")
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ENDPOINT_URL_STS": base}
    rows("credentials of a web identity", read, wanted, **none, **web, AWS_ROLE_ARN="arn:aws:iam::1:role/x")
    error("a web identity that is refused", read, "L3202", "InvalidIdentityToken", **none, **web, AWS_ROLE_ARN="arn:aws:iam::1:role/y")
    server.shutdown()


class Expiry(http.server.BaseHTTPRequestHandler):
    """A stand-in, since versitygw's keys do not expire: "oldkey" has expired; other requests go on to the server as they are. It also hands
    out credentials, of each list the next."""

    handed: typing.ClassVar[dict[str, list[str]]] = {"/renewed": ["oldkey", "leatkey"], "/expired": ["oldkey"] * 9}
    asked: typing.ClassVar[list[str]] = []

    def log_message(self, *_):
        pass

    def answer(self, status: int, body: bytes, headers: typing.Iterable[tuple[str, str]] = ()) -> None:
        self.send_response_only(status)
        for name, value in headers or [("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if self.path in self.handed:
            self.asked.append(self.path)
            keys = {**Services.keys, "AccessKeyId": self.handed[self.path].pop(0)}
            return self.answer(200, json.dumps(keys).encode())
        if "Credential=oldkey/" in self.headers["Authorization"]:
            return self.answer(403, b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>")
        server = http.client.HTTPConnection(os.environ["AWS_ENDPOINT_URL_S3"].split("//")[1])
        server.request(self.command, self.path, headers=dict(self.headers))
        reply = server.getresponse()
        return self.answer(reply.status, reply.read(), reply.getheaders())

    do_HEAD = do_PUT = do_GET


def expired() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Expiry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    read, wanted = "SELECT k FROM 's3://leat/g/top.csv'", "g/top.csv"
    agent = {"AWS_ENDPOINT_URL_S3": base, "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "HOME": WORK}
    rows("expired credentials are renewed", read, wanted, **agent, AWS_CONTAINER_CREDENTIALS_FULL_URI=base + "/renewed")
    check("by the one who hands them out", Expiry.asked == ["/renewed"] * 2, str(Expiry.asked))
    error("expired credentials that nobody renews", read, "L3202", "ExpiredToken", "expired: get new ones", **agent,
          AWS_CONTAINER_CREDENTIALS_FULL_URI=base + "/expired")
    error("expired credentials of the environment", read, "L3202", "expired: get new ones", AWS_ENDPOINT_URL_S3=base, AWS_ACCESS_KEY_ID="oldkey")
    error("writing with expired credentials", "COPY (SELECT 1) TO 's3://leat/expired.csv'", "L3202", "expired: get new ones",
          AWS_ENDPOINT_URL_S3=base, AWS_ACCESS_KEY_ID="oldkey")
    error("nothing was written", "SELECT * FROM 's3://leat/expired.csv'", "L0005")
    server.shutdown()


def pipe(source: socket.socket, sink: socket.socket) -> None:
    try:
        while part := source.recv(1 << 16):
            sink.sendall(part)
    except OSError:
        pass
    finally:
        sink.close()


def tls() -> None:
    """TLS in front of the server, with a certificate of our own."""
    key, certificate = os.path.join(WORK, "key.pem"), os.path.join(WORK, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=leat", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            link, _ = listener.accept()
            try:
                outside = context.wrap_socket(link, server_side=True)
            except OSError:
                continue
            inside = socket.create_connection(("127.0.0.1", int(os.environ["AWS_ENDPOINT_URL_S3"].rsplit(":", 1)[1])))
            threading.Thread(target=pipe, args=(outside, inside), daemon=True).start()
            threading.Thread(target=pipe, args=(inside, outside), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    endpoint = f"https://127.0.0.1:{listener.getsockname()[1]}"
    read = "SELECT k FROM 's3://leat/g/top.csv'"
    rows("a certificate that is trusted", read, "g/top.csv", LEAT_S3_CONFIG=settings(endpoint=endpoint, ca_file=certificate))
    error("one that is not", read, "L0017", "certificate", LEAT_S3_CONFIG=settings(endpoint=endpoint, attempts=1))
    error("a missing file of certificates", read, "L0017", "none.pem", LEAT_S3_CONFIG=settings(endpoint=endpoint, attempts=1, ca_file="none.pem"))


def moto() -> None:
    import urllib.request
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(MOTO + "/moto", method="PUT", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"})
    opener.open(request)
    environment = {"AWS_ENDPOINT_URL_S3": MOTO}
    formats("moto", environment)
    large("moto", environment)


formats("leat", {})
globs()
large("leat", {})
errors()
configured()
tls()
credentials()
expired()
if MOTO:
    moto()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
