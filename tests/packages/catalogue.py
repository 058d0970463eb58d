"""The packages: what is asked of an index, what is imported, and what is done with it then.

Exercises are real calls through compiled code, without a network, a display or a file of anyone's.
"""

from __future__ import annotations

from textwrap import dedent

from msgspec import Struct


class Subject(Struct, frozen=True, kw_only=True):
    """One package."""

    name: str
    imports: str
    """Statements that only import."""
    exercise: str
    """Statements that use what was imported; they raise where something is wrong."""
    requirement: str = ""
    """Where it is not the name."""

    @property
    def asked(self) -> str:
        """As a project's dependencies have it."""
        return self.requirement or self.name


def _subject(name: str, imports: str, exercise: str, requirement: str = "") -> Subject:
    return Subject(
        name=name,
        imports=dedent(imports).strip(),
        exercise=dedent(exercise).strip(),
        requirement=requirement,
    )


SUBJECTS = (
    _subject(
        "numpy",
        "import numpy as np, numpy.fft, numpy.linalg, numpy.random",
        """
        a = np.random.default_rng(1).random((200, 200))
        assert np.allclose(a @ np.linalg.inv(a), np.eye(200))
        assert np.allclose(np.fft.ifft(np.fft.fft(a[0])).real, a[0])
        np.linalg.svd(a)
        """,
    ),
    _subject(
        "pandas",
        "import io, pandas as pd",
        """
        text = "when,a,b\\n2026-01-01,1,2\\n2026-01-02,3,4"
        d = pd.read_csv(io.StringIO(text), parse_dates=["when"])
        assert d.groupby("a").b.sum().sum() == 6
        assert d.set_index("when").resample("1h").sum().shape[0] == 25
        assert d.merge(d, on="a").shape == (2, 5)
        """,
    ),
    _subject(
        "pyarrow",
        """
        import io, pyarrow as pa, pyarrow.compute as pc
        import pyarrow.acero, pyarrow.csv, pyarrow.dataset, pyarrow.feather, pyarrow.flight
        import pyarrow.fs, pyarrow.json, pyarrow.orc, pyarrow.parquet as pq, pyarrow.substrait
        """,
        """
        table = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})
        out = pa.BufferOutputStream()
        pq.write_table(table, out, compression="zstd")
        assert pq.read_table(pa.BufferReader(out.getvalue())).equals(table)
        assert pc.sum(table["a"]).as_py() == 6
        assert pyarrow.csv.read_csv(io.BytesIO(b"a,b\\n1,2")).num_rows == 1
        assert table.group_by("b").aggregate([("a", "sum")]).num_rows == 3
        """,
    ),
    _subject(
        "scipy",
        """
        import numpy as np, scipy.cluster, scipy.fft, scipy.integrate, scipy.interpolate, scipy.io
        import scipy.linalg, scipy.ndimage, scipy.optimize, scipy.signal, scipy.sparse.linalg
        import scipy.spatial, scipy.special, scipy.stats
        """,
        """
        assert abs(scipy.optimize.minimize(lambda x: (x[0] - 1) ** 2, [0]).x[0] - 1) < 1e-4
        assert scipy.linalg.eigh(np.eye(30))[0].sum() == 30
        scipy.sparse.linalg.svds(scipy.sparse.random(50, 50, 0.3, rng=1), k=3)
        assert abs(scipy.integrate.quad(lambda x: x, 0, 1)[0] - 0.5) < 1e-9
        assert scipy.spatial.cKDTree([[0, 0], [1, 1]]).query([0.9, 0.9])[1] == 1
        assert scipy.optimize.linprog([1], bounds=[(2, 3)]).x[0] == 2
        """,
    ),
    _subject(
        "scikit-learn",
        """
        from sklearn.datasets import load_iris
        from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import SVC
        """,
        """
        features, classes = load_iris(return_X_y=True)
        for model in (
            HistGradientBoostingClassifier(max_iter=5),
            LogisticRegression(max_iter=500),
            RandomForestClassifier(5),
            SVC(),
        ):
            assert model.fit(features, classes).score(features, classes) > 0.8
        """,
    ),
    _subject(
        "matplotlib",
        "import io, matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt",
        """
        plt.plot([1, 2, 4])
        plt.title("$x^2$")
        for format in ("png", "pdf", "svg"):
            out = io.BytesIO()
            plt.savefig(out, format=format)
            assert out.tell() > 1000
        """,
    ),
    _subject(
        "pillow",
        "import io\nfrom PIL import Image, ImageCms, ImageDraw, ImageFilter, ImageFont",
        """
        image = Image.new("RGB", (64, 64), "red")
        ImageDraw.Draw(image).text((1, 1), "hi", font=ImageFont.load_default(12))
        image.filter(ImageFilter.GaussianBlur(2))
        for format in ("AVIF", "GIF", "JPEG", "JPEG2000", "PNG", "TIFF", "WEBP"):
            out = io.BytesIO()
            image.save(out, format)
            out.seek(0)
            assert Image.open(out).convert("RGB").size == (64, 64)
        """,
    ),
    _subject(
        "cryptography",
        """
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        """,
        """
        box = Fernet(Fernet.generate_key())
        assert box.decrypt(box.encrypt(b"text")) == b"text"
        key = ec.generate_private_key(ec.SECP256R1())
        key.public_key().verify(
            key.sign(b"text", ec.ECDSA(hashes.SHA256())), b"text", ec.ECDSA(hashes.SHA256())
        )
        assert rsa.generate_private_key(65537, 2048).key_size == 2048
        """,
    ),
    _subject(
        "lxml",
        "from lxml import etree, html, objectify",
        """
        assert etree.fromstring("<a><b>1</b></a>").xpath("//b/text()") == ["1"]
        assert html.fromstring("<p>x<p>y").xpath("count(//p)") == 2
        assert objectify.fromstring("<a><b>1</b></a>").b == 1
        space = "http://www.w3.org/1999/XSL/Transform"
        sheet = f"<x:stylesheet version='1.0' xmlns:x='{space}'/>"
        etree.XSLT(etree.XML(sheet))(etree.XML("<a/>"))
        """,
    ),
    _subject(
        "pydantic",
        "from pydantic import BaseModel, ValidationError",
        """
        class Model(BaseModel):
            number: int
            names: list[str] = []
        assert Model(number="1").number == 1
        assert Model.model_validate_json('{"number": 2, "names": ["a"]}').names == ["a"]
        assert Model.model_json_schema()["required"] == ["number"]
        try:
            Model(number="x")
        except ValidationError as error:
            assert error.error_count() == 1
        else:
            raise AssertionError("a wrong value passed")
        """,
    ),
    _subject(
        "sqlalchemy",
        "import sqlalchemy as sa, sqlalchemy.orm, sqlalchemy.dialects.postgresql",
        """
        class Base(sqlalchemy.orm.DeclarativeBase): ...
        class Row(Base):
            __tablename__ = "row"
            id = sa.Column(sa.Integer, primary_key=True)
            name = sa.Column(sa.String)
        engine = sa.create_engine("sqlite://")
        Base.metadata.create_all(engine)
        with sqlalchemy.orm.Session(engine) as session:
            session.add(Row(name="a"))
            session.commit()
            assert session.execute(sa.select(Row.name)).scalar_one() == "a"
        """,
    ),
    _subject(
        "psycopg",
        "import psycopg, psycopg.pq",
        """
        assert psycopg.pq.__impl__ == "binary"
        try:
            psycopg.connect("host=127.0.0.1 port=1 connect_timeout=1 sslmode=require")
        except psycopg.OperationalError as error:
            assert "refused" in str(error), error
        assert psycopg.sql.quote("it's") == "'it''s'"
        """,
        requirement="psycopg[binary]",
    ),
    _subject(
        "opencv-python-headless",
        "import cv2, numpy as np",
        """
        image = np.full((64, 64, 3), 128, "u1")
        for suffix in (".avif", ".jpg", ".png", ".tiff", ".webp"):
            done, data = cv2.imencode(suffix, cv2.GaussianBlur(image, (3, 3), 0))
            assert done and cv2.imdecode(data, cv2.IMREAD_COLOR).shape == image.shape
        assert len(cv2.ORB_create().detect(image)) == 0
        """,
    ),
    _subject(
        "onnxruntime",
        "import numpy as np, onnxruntime",
        """
        def field(number, data):  # protocol buffers, by hand: a graph of one node
            if isinstance(data, int):
                return bytes([number << 3, data])
            data = data.encode() if isinstance(data, str) else data
            return bytes([number << 3 | 2, len(data)]) + data
        shape = field(1, field(1, 3))
        def value(name):
            return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))
        node = field(1, "x") + field(2, "y") + field(4, "Neg")
        graph = field(1, node) + field(2, "g") + field(11, value("x")) + field(12, value("y"))
        model = field(1, 8) + field(7, graph) + field(8, field(2, 13))
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {"x": np.array([1, 2, 3], "f4")})
        assert found.tolist() == [-1, -2, -3]
        """,
    ),
    _subject(
        "boto3",
        "import boto3",
        """
        session = boto3.Session("key", "secret", region_name="eu-west-1")
        url = session.client("s3").generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
        assert "eu-west-1" in url and "X-Amz-Signature" in url or "Signature" in url
        assert session.resource("dynamodb").Table("t").name == "t"
        """,
    ),
    _subject(
        "requests",
        "import requests, threading, http.server",
        """
        server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert requests.get(f"http://127.0.0.1:{server.server_port}/", timeout=5).status_code == 501
        assert requests.certs.where().endswith(".pem")
        """,
    ),
    _subject(
        "fastapi",
        "import fastapi, fastapi.openapi.utils, asyncio",
        """
        app = fastapi.FastAPI()
        @app.get("/items/{number}")
        def item(number: int) -> dict[str, int]:
            return {"number": number}
        sent = []
        async def receive():
            return {"type": "http.request", "body": b""}
        async def send(message):
            sent.append(message)
        scope = {"type": "http", "method": "GET", "path": "/items/7", "raw_path": b"/items/7"}
        scope |= {"query_string": b"", "headers": [], "http_version": "1.1", "scheme": "http"}
        asyncio.run(app(scope, receive, send))
        assert sent[0]["status"] == 200 and sent[1]["body"] == b'{"number":7}'
        assert "/items/{number}" in app.openapi()["paths"]
        """,
    ),
    _subject(
        "polars",
        "import io, polars as pl",
        """
        frame = pl.DataFrame({"a": [1, 2, 2], "b": ["x", "y", "z"]})
        assert frame.lazy().group_by("a").agg(pl.col("b").count()).collect().height == 2
        out = io.BytesIO()
        frame.write_parquet(out)
        out.seek(0)
        assert pl.read_parquet(out).equals(frame)
        """,
    ),
    _subject(
        "shapely",
        "import shapely, shapely.geometry, shapely.ops",
        """
        circle = shapely.Point(0, 0).buffer(1)
        assert 3 < circle.area < 3.2
        assert shapely.ops.unary_union([circle, shapely.Point(1, 0).buffer(1)]).area > circle.area
        assert shapely.from_wkb(shapely.to_wkb(circle)).equals(circle)
        """,
    ),
    _subject(
        "aiohttp",
        "import asyncio, aiohttp, aiohttp.web",
        """
        async def main():
            async def answer(request):
                return aiohttp.web.json_response({"path": request.path})
            app = aiohttp.web.Application()
            app.router.add_get("/{tail:.*}", answer)
            runner = aiohttp.web.AppRunner(app)
            await runner.setup()
            site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = site._server.sockets[0].getsockname()[1]
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/a") as response:
                    assert await response.json() == {"path": "/a"}
            await runner.cleanup()
        asyncio.run(main())
        assert aiohttp.http_parser.HttpRequestParser.__module__ == "aiohttp._http_parser"
        """,
    ),
    _subject(
        "grpcio",
        "import grpc\nfrom concurrent import futures",
        """
        def answer(request, context):
            return request[::-1]
        handler = grpc.method_handlers_generic_handler(
            "s", {"m": grpc.unary_unary_rpc_method_handler(answer)}
        )
        server = grpc.server(futures.ThreadPoolExecutor(1))
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert channel.unary_unary("/s/m")(b"abc", timeout=10) == b"cba"
        server.stop(None).wait()
        """,
    ),
    _subject(
        "orjson",
        "import orjson",
        "assert orjson.loads(orjson.dumps({'a': [1, None, 'x']})) == {'a': [1, None, 'x']}",
    ),
    _subject(
        "pyyaml",
        "import yaml, yaml._yaml",
        """
        assert yaml.load("a: [1, {b: c}]", Loader=yaml.CSafeLoader) == {"a": [1, {"b": "c"}]}
        assert yaml.dump({"a": 1}, Dumper=yaml.CSafeDumper) == "a: 1\\n"
        """,
    ),
    _subject(
        "jinja2",
        "import jinja2, markupsafe._speedups",
        """
        environment = jinja2.Environment(autoescape=True)
        template = environment.from_string("{% for x in xs %}{{ x }}{% endfor %}")
        assert template.render(xs=["<", 1]) == "&lt;1"
        """,
    ),
)

IN_CI = ("cryptography", "lxml", "numpy", "pillow", "pydantic", "pyyaml")
"""Six that are fetched in seconds; among them C, Cython, Rust, and what patchelf edited."""
