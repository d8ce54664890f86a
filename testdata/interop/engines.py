"""Installs engines and servers into a cache folder, once, and starts them.

Needs Maven and a Java of the right version for each; what is installed is pinned
in engines/*.xml and requirements.txt. Servers listen on 127.0.0.1.
"""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

from generations import connected

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "engines")
CACHE = os.environ.get("ENGINES_HOME") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "notionlake", "engines")
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

# What a plugin shares with the server, which must not be in its folder too.
SHARED = ("trino-spi-", "slice-", "jackson-annotations-", "opentelemetry-api-", "opentelemetry-context-", "opentelemetry-common-", "jol-core-")


def java(least, most):
    """The home of the newest Java whose version is from least to most."""
    homes = [os.environ.get("JAVA_HOME", "")] + glob.glob("/usr/lib/jvm/*") + glob.glob("/Library/Java/JavaVirtualMachines/*/Contents/Home")
    if shutil.which("java"):
        homes.append(os.path.dirname(os.path.dirname(os.path.realpath(shutil.which("java")))))
    found = {}
    for home in homes:
        with contextlib.suppress(OSError, AttributeError):
            with open(os.path.join(home, "release"), encoding="utf-8") as f:
                version = int(re.search(r'JAVA_VERSION="(\d+)', f.read()).group(1))
            if os.access(os.path.join(home, "bin", "java"), os.X_OK):
                found.setdefault(version, home)
    fit = [v for v in found if least <= v <= most]
    if not fit:
        sys.exit("Java %d to %d is needed, and not found; there is %s. JAVA_HOME names one." % (least, most, sorted(found) or "none"))
    return found[max(fit)]


@contextlib.contextmanager
def installed(name, *salt):
    """The folder of what is installed as engines/NAME.xml says, and whether that is still to be done."""
    with open(os.path.join(HERE, name + ".xml"), "rb") as f:
        content = f.read()
    home = os.path.join(CACHE, name + "-" + hashlib.sha256(content + repr(salt).encode()).hexdigest()[:12])
    done = os.path.join(home, ".done")
    if os.path.exists(done):
        yield home, False
        return
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, ".lock"), "w") as lock:  # one at a time: others may want the same
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(done):
            yield home, False
            return
        if not shutil.which("mvn"):
            sys.exit("Maven (mvn) is needed to install %s, and not found" % name)
        print("installing %s into %s (once)" % (name, home), file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        yield home, True
        open(done, "w").close()


def maven(name, folder, *options):
    """Copies the jars that engines/NAME.xml names into a folder."""
    subprocess.run(["mvn", "-q", "-B", "-f", os.path.join(HERE, name + ".xml"), *options, COPY, "-DincludeScope=runtime",
                    "-DoutputDirectory=" + folder], check=True, stdout=sys.stderr)


def trino_home():
    """The folder with Trino's jars, which are fetched if they are not there."""
    with installed("trino", SHARED) as (home, missing):
        if missing:
            plugin = os.path.join(home, "plugin", "iceberg")
            maven("trino", os.path.join(home, "server"), "-P", "server", "-Dpart=server")
            maven("trino", plugin, "-P", "iceberg", "-Dpart=iceberg")
            for jar in os.listdir(plugin):
                if jar.startswith(SHARED):
                    os.remove(os.path.join(plugin, jar))
            with zipfile.ZipFile(os.path.join(plugin, "service.jar"), "w") as jar:
                jar.writestr("META-INF/services/io.trino.spi.Plugin", "io.trino.plugin.iceberg.IcebergPlugin\n")
    return home


def rest_home(jdk):
    """The folder with the REST catalog server, which is fetched and compiled if it is not there."""
    source = os.path.join(HERE, "StartRest.java")
    with open(source, "rb") as f, installed("rest", f.read()) as (home, missing):
        if missing:
            maven("rest", os.path.join(home, "lib"))
            subprocess.run([os.path.join(jdk, "bin", "javac"), "--release", "17", "-d", os.path.join(home, "classes"),
                            "-cp", os.path.join(home, "lib", "*"), source], check=True, stdout=sys.stderr)
    return home


@contextlib.contextmanager
def rest(warehouse, folder, endpoint=""):
    """The REST catalog server of Iceberg's own tests, over a warehouse, with its database in a folder: its URL."""
    jdk = java(17, 23)  # Hadoop does not run on newer ones
    home, port = rest_home(jdk), free_port()
    properties = {"catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog", "jdbc.schema-version": "V1", "warehouse": warehouse,
                  "uri": "jdbc:sqlite:" + os.path.join(folder, "rest.db"), "io-impl": "org.apache.iceberg.hadoop.HadoopFileIO"}
    if warehouse.startswith("s3://"):
        properties.update({"io-impl": "org.apache.iceberg.aws.s3.S3FileIO", "s3.endpoint": endpoint, "s3.path-style-access": "true"})
    command = [os.path.join(jdk, "bin", "java"), "-Xmx512m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
               "-cp", os.path.join(home, "classes") + ":" + os.path.join(home, "lib", "*"), "org.apache.iceberg.rest.StartRest", str(port)]
    url = "http://127.0.0.1:%d" % port
    with server(command + ["%s=%s" % p for p in properties.items()], url + "/v1/config", env={**os.environ, **KEYS}):
        yield url


@contextlib.contextmanager
def nessie(warehouse, endpoint):
    """Project Nessie, its branch in memory, over a warehouse in S3: the URL of its REST catalog."""
    with installed("nessie") as (home, missing):
        if missing:
            maven("nessie", home)
    port, management = free_port(), free_port()
    settings = {
        "quarkus.http.host": "127.0.0.1", "quarkus.http.port": port, "quarkus.management.host": "127.0.0.1", "quarkus.management.port": management,
        "quarkus.otel.sdk.disabled": "true", "nessie.version.store.type": "IN_MEMORY", "nessie.server.authentication.enabled": "false",
        "nessie.catalog.default-warehouse": "lake", "nessie.catalog.warehouses.lake.location": warehouse,
        "nessie.catalog.service.s3.default-options.endpoint": endpoint, "nessie.catalog.service.s3.default-options.path-style-access": "true",
        "nessie.catalog.service.s3.default-options.region": KEYS["AWS_REGION"],
        "nessie.catalog.service.s3.default-options.access-key": "urn:nessie-secret:quarkus:keys.s3",
        "keys.s3.name": KEYS["AWS_ACCESS_KEY_ID"], "keys.s3.secret": KEYS["AWS_SECRET_ACCESS_KEY"],
    }
    command = [os.path.join(java(21, 99), "bin", "java"), "-Xmx512m", "-XX:TieredStopAtLevel=1", *["-D%s=%s" % s for s in settings.items()],
               "-jar", glob.glob(os.path.join(home, "*-runner.jar"))[0]]
    url = "http://127.0.0.1:%d/iceberg" % port
    with server(command, url + "/v1/config"):
        yield url


# The metastores of Hive, by version: the artifact and the class that makes the database.
HIVE = {"4.0.1": ("hive-standalone-metastore-server", "tools.schematool.MetastoreSchemaTool"),
        "3.1.3": ("hive-standalone-metastore", "tools.MetastoreSchemaTool")}  # the newest that Spark's client knows


def hive_home(version):
    """The folder with a metastore of Hive, which is fetched if it is not there."""
    with installed("hive", version) as (home, missing):
        if missing:
            pin = ["-Dhive=" + version, "-Dartifact=" + HIVE[version][0]]
            maven("hive", os.path.join(home, "lib"), "-P", "server", *pin)
            for old in glob.glob(os.path.join(home, "lib", "hadoop-*-2.*.jar")):  # what it names is too old for Java 17
                os.remove(old)
            maven("hive", home, "-P", "scripts", "-Dpart=scripts", *pin)
            archive = glob.glob(os.path.join(home, "*.tar.gz"))[0]
            with tarfile.open(archive) as tar:
                for member in tar:
                    if "/scripts/" in member.name and member.isfile():
                        member.name = member.name.split("/", 1)[1]
                        tar.extract(member, home, filter="data")
            os.remove(archive)
    return home


@contextlib.contextmanager
def hive(folder, database, version="4.0.1"):
    """A metastore of Hive, with its files in a folder and its tables in a Postgres: its URI."""
    home, port, jdk = hive_home(version), free_port(), java(17, 23)
    at = urllib.parse.urlsplit(database)
    package = "org.apache.hadoop.hive.metastore."
    settings = {"metastore.thrift.bind.host": "127.0.0.1", "metastore.warehouse.dir": os.path.join(folder, "hive"),
                "metastore.event.db.notification.api.auth": "false", "javax.jdo.option.ConnectionDriverName": "org.postgresql.Driver",
                "javax.jdo.option.ConnectionURL": "jdbc:postgresql://%s:%d%s" % (at.hostname, at.port, at.path),
                "javax.jdo.option.ConnectionUserName": at.username, "javax.jdo.option.ConnectionPassword": os.environ["PGPASSWORD"],
                # What an old one expects beside it is in other packages.
                "metastore.expression.proxy": package + "DefaultPartitionExpressionProxy",
                "metastore.task.threads.always": package + "events.EventCleanerTask"}
    with open(os.path.join(folder, "metastore-site.xml"), "w", encoding="utf-8") as f:
        f.write("<configuration>%s</configuration>" % "".join(
            "<property><name>%s</name><value>%s</value></property>" % s for s in settings.items()))
    main = [os.path.join(jdk, "bin", "java"), "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", folder + ":" + os.path.join(home, "lib", "*")]
    environment = {**os.environ, "METASTORE_HOME": home}
    made = subprocess.run(main + [package + HIVE[version][1], "-dbType", "postgres", "-initSchema"],
                          check=False, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode:
        sys.exit("Hive's database could not be made:\n" + made.stdout[-3000:])
    with open(os.path.join(folder, "log"), "w+", encoding="utf-8") as log:
        server = subprocess.Popen(main + [package + "HiveMetaStore", "-p", str(port)], env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_port(server, port, log)
            yield "thrift://127.0.0.1:%d" % port
        finally:
            server.kill()
            server.wait()


def wait_port(process, port, log, seconds=180):
    """Waits until a server listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    log.flush()
    log.seek(0)
    sys.exit("nothing listens on port %d:\n%s" % (port, log.read()[-3000:]))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def trino():
    """A Trino server with no catalog: a connection to it."""
    import trino.dbapi

    home, port = trino_home(), free_port()
    version = re.search(r"<trino>(\d+)", open(os.path.join(HERE, "trino.xml"), encoding="utf-8").read()).group(1)
    with tempfile.TemporaryDirectory() as folder:  # etc/catalog is looked for in the working folder
        os.makedirs(os.path.join(folder, "etc", "catalog"))
        config = os.path.join(folder, "etc", "config.properties")
        with open(config, "w", encoding="utf-8") as f:
            f.write("coordinator=true\nnode-scheduler.include-coordinator=true\ncatalog.management=dynamic\n"
                    "http-server.http.port=%d\ndiscovery.uri=http://127.0.0.1:%d\nplugin.dir=%s/plugin\n"
                    "query.max-memory=512MB\nquery.max-memory-per-node=512MB\nmemory.heap-headroom-per-node=512MB\n" % (port, port, home))
        command = [os.path.join(java(25, 99), "bin", "java"), "-Xmx1536m", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError",
                   "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", "--add-modules", "jdk.incubator.vector",
                   "-Djdk.attach.allowAttachSelf=true", "-Dnode.environment=interop", "-Dnode.id=one", "-Dnode.bind-ip=127.0.0.1",
                   "-Dnode.internal-address=127.0.0.1", "-Dnode.data-dir=" + folder, "-Dconfig=" + config,
                   "-cp", os.path.join(home, "server", "*"), os.path.join(HERE, "StartTrino.java"), version]
        with open(os.path.join(folder, "log"), "w+", encoding="utf-8") as log:
            server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
            try:
                wait(server, "http://127.0.0.1:%d/v1/info" % port, lambda answer: not json.load(answer)["starting"], log)
                yield trino.dbapi.connect(host="127.0.0.1", port=port, user="interop", timezone="UTC")
            finally:
                server.kill()
                server.wait()


def wait(server, url, ready, log, seconds=180):
    """Waits until a server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if ready(answer):
                    return
        except urllib.error.HTTPError:
            return  # it answers
        except (OSError, ValueError):
            pass
        time.sleep(0.2)
    log.flush()
    log.seek(0)
    sys.exit("%s does not answer:\n%s" % (url, log.read()[-3000:]))


def spark_environment(extended=False):
    """The environment in which PySpark runs, with its jars in the cache folder; extended with Iceberg's own statements."""
    conf = os.path.join(CACHE, "spark-conf")
    os.makedirs(conf, exist_ok=True)
    with open(os.path.join(conf, "spark-defaults.conf"), "w", encoding="utf-8") as f:
        f.write("spark.jars.ivy %s\nspark.ui.enabled false\nspark.driver.host 127.0.0.1\nspark.driver.memory 1g\n"
                "spark.master local[2]\nspark.sql.shuffle.partitions 2\nspark.ui.showConsoleProgress false\n" % os.path.join(CACHE, "ivy"))
        if extended:
            f.write("spark.sql.extensions org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions\n")
    return {**os.environ, "JAVA_HOME": java(17, 21), "SPARK_CONF_DIR": conf, "SPARK_LOCAL_IP": "127.0.0.1"}


@contextlib.contextmanager
def spark(bin_dir, folder, extended=False):
    """A session of Spark, opened as `connect spark` says."""
    os.environ.update(spark_environment(extended))
    names = connected(bin_dir, folder, "spark")
    try:
        yield names["spark"]
    finally:
        names["spark"].stop()
        # The next session may want other packages, which a JVM takes when it starts.
        from pyspark import SparkContext
        SparkContext._gateway.shutdown()
        SparkContext._gateway.proc.stdin.close()
        SparkContext._gateway = SparkContext._jvm = None


KEYS = {"AWS_ACCESS_KEY_ID": "interopkey", "AWS_SECRET_ACCESS_KEY": "interopsecret", "AWS_REGION": "us-east-1"}


def go_program(module, version):
    """A program of a Go module, built once."""
    folder = os.path.join(CACHE, "bin-" + version)
    path = os.path.join(folder, module.split("/")[-1])
    if not os.path.exists(path):
        print("building %s %s (once)" % (module, version), file=sys.stderr)
        subprocess.run(["go", "install", "%s@%s" % (module, version)], check=True, env={**os.environ, "GOBIN": folder, "GOFLAGS": "-mod=mod"})
    return path


@contextlib.contextmanager
def server(command, ready, **options):
    """A server that runs until the end of the block."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **options)
        try:
            wait(process, ready, lambda _: True, log, seconds=30)
            yield
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def s3(bucket):
    """versitygw, an S3 server that looks at signatures: its URL. The keys are in KEYS."""
    program = go_program("github.com/versity/versitygw/cmd/versitygw", "v1.8.0")
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "data", bucket))
        os.makedirs(os.path.join(folder, "meta"))
        address = "127.0.0.1:%d" % free_port()
        command = [program, "--port", address, "--access", KEYS["AWS_ACCESS_KEY_ID"], "--secret", KEYS["AWS_SECRET_ACCESS_KEY"],
                   "--region", KEYS["AWS_REGION"], "posix", "--sidecar", os.path.join(folder, "meta"), os.path.join(folder, "data")]
        with server(command, "http://" + address):
            yield "http://" + address


@contextlib.contextmanager
def moto(bucket):
    """moto, which stands in for S3: its URL. It looks at no signatures."""
    url = "http://127.0.0.1:%d" % free_port()
    with server([os.path.join(os.path.dirname(sys.executable), "moto_server"), "-H", "127.0.0.1", "-p", url.split(":")[-1]], url):
        with urllib.request.urlopen(urllib.request.Request(url + "/" + bucket, method="PUT"), timeout=30):
            yield url


@contextlib.contextmanager
def gcs(bucket):
    """fake-gcs-server: its host and port, for STORAGE_EMULATOR_HOST."""
    program = go_program("github.com/fsouza/fake-gcs-server", "v1.56.1")
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, bucket))
        port = free_port()
        address = "127.0.0.1:%d" % port
        command = [program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "filesystem", "-filesystem-root", folder,
                   "-public-host", address, "-external-url", "http://" + address]
        with server(command, "http://%s/storage/v1/b" % address):
            yield address


def postgres_programs():
    """The folder with Postgres's programs, "" where there is none."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb") + glob.glob("/opt/homebrew/opt/postgresql*/bin/initdb"))
    if not found and shutil.which("apt-get") and os.getuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", "--no-install-recommends", "postgresql"]):
            subprocess.run(command, check=False, env=environment, stdout=sys.stderr)
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    path = found[-1] if found else os.path.realpath(shutil.which("initdb") or "")
    return os.path.dirname(path) if os.path.exists(path) else ""


@contextlib.contextmanager
def postgres():
    """A Postgres server: its URL without the password, which is in PGPASSWORD. None where Postgres is not installed."""
    programs = postgres_programs()
    if not programs:
        print("Postgres is not installed: what needs it is left out", file=sys.stderr)
        yield None
        return
    # The server refuses to run as root.
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    with tempfile.TemporaryDirectory(dir="/var/tmp" if as_user else None) as folder:
        os.environ["PGPASSWORD"] = "interop"
        with open(os.path.join(folder, "password"), "w", encoding="utf-8") as f:
            f.write(os.environ["PGPASSWORD"])
        if as_user:
            shutil.chown(folder, "postgres")
            shutil.chown(os.path.join(folder, "password"), "postgres")
        data, port = os.path.join(folder, "data"), free_port()
        subprocess.run(as_user + [os.path.join(programs, "initdb"), "-D", data, "-U", "interop", "--pwfile=" + os.path.join(folder, "password"),
                                  "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], check=True, cwd="/", stdout=subprocess.DEVNULL)
        control = as_user + [os.path.join(programs, "pg_ctl"), "-D", data, "-w", "-l", os.path.join(folder, "log")]
        subprocess.run(control + ["-o", "-c listen_addresses=127.0.0.1 -c port=%d -c unix_socket_directories=''" % port, "start"],
                       check=True, cwd="/", stdout=subprocess.DEVNULL)
        try:
            yield "postgres://interop@127.0.0.1:%d/postgres" % port
        finally:
            subprocess.run(control + ["-m", "immediate", "stop"], check=False, cwd="/", stdout=subprocess.DEVNULL)
