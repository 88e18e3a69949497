import { describe, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { python } from "./plan.ts";

type Files = Readonly<Record<string, string>>;

function plan(files: Files, variables: Readonly<Record<string, string>> = {}) {
  const names = new Set(Object.keys(files).map((path) => path.replace(/\/.*/, "/")));
  const read = (name: string) => (name in files ? Buffer.from(files[name] ?? "") : undefined);
  return python.plan({ read, names: [...names].sort(), variables });
}

const refused = (files: Files) => refusal((async () => plan(files))());
const flask = { "requirements.txt": "Flask[async]>=3\ngunicorn\n", "app.py": "app = Flask(__name__)\n" };
const project = `[project]
name = "x"
version = "1"
dependencies = ["fastapi", "uvicorn"]
`;
const uvLock = (source = '{ registry = "https://pypi.org/simple" }') =>
  `[[package]]\nname = "fastapi"\nsource = ${source}\n[[package]]\nname = "uvicorn"\n`;

describe("the files that dependencies are installed from", () => {
  test.each<[string, Files]>([
    ["uv.lock", { "uv.lock": uvLock(), "pyproject.toml": project, "requirements.txt": "", Procfile: "" }],
    ["poetry.lock", { "poetry.lock": "", "pyproject.toml": project, "Pipfile.lock": "{}", Procfile: "" }],
    ["Pipfile.lock", { "Pipfile.lock": "{}", Pipfile: "", "requirements.txt": "", Procfile: "" }],
    ["requirements.txt", { ...flask, "pyproject.toml": project, "setup.py": "" }],
    ["pyproject.toml", { "pyproject.toml": project, "setup.py": "", Procfile: "" }],
    ["setup.py", { "setup.py": "", Procfile: "" }],
  ])("%s has precedence over those after it", (file, files) => {
    expect(python.detects(Object.keys(files))).toBe(true);
    expect(plan(files).dependencies).toBe(file);
  });

  test("an app without any of them is no Python app", () => {
    expect(python.detects(["app.py", "Procfile"])).toBe(false);
  });

  const poetry = (more: string) => ({
    "pyproject.toml": `[tool.poetry]\n${more}[tool.poetry.dependencies]\npython = ">=3.9"\nFlask = "^3"\ngunicorn = "^23"\n`,
    "app.py": "app = Flask(__name__)\n",
  });
  const built = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n';

  test("a list of Poetry or Pipenv that cannot be installed without its lock file is refused", async () => {
    expect(python.detects(["Pipfile", "app.py"])).toBe(true);
    expect(await refused({ Pipfile: "", Procfile: "web: x" })).toBe(
      'build-failed: Pipfile lists the dependencies, and there is no Pipfile.lock. Run "pipenv lock", and add Pipfile.lock to the source.',
    );
    const expected =
      'build-failed: pyproject.toml lists the dependencies, and there is no poetry.lock. Run "poetry lock", and add poetry.lock to the source.';
    expect(await refused(poetry(""))).toBe(expected);
    const unpackaged = poetry("package-mode = false\n");
    expect(await refused({ ...unpackaged, "pyproject.toml": unpackaged["pyproject.toml"] + built })).toBe(
      expected,
    );
  });

  test("a project of Poetry that can be built needs no lock file, and its list names the server", () => {
    const files = poetry("");
    const { dependencies, web } = plan({ ...files, "pyproject.toml": files["pyproject.toml"] + built });
    expect([dependencies, web]).toEqual(["pyproject.toml", "gunicorn --bind 0.0.0.0:$PORT app:app"]);
    expect(plan({ ...poetry(""), "poetry.lock": "", Procfile: "web: x" }).dependencies).toBe("poetry.lock");
    expect(plan({ ...flask, Pipfile: "" }).dependencies).toBe("requirements.txt");
  });

  test("a file that is neither TOML nor JSON fails the build with its name", async () => {
    expect(await refused({ "pyproject.toml": "[" })).toMatch(
      /^build-failed: pyproject\.toml is not valid TOML/,
    );
    expect(await refused({ "Pipfile.lock": "{" })).toMatch(/^build-failed: Pipfile\.lock is not valid JSON/);
  });

  test("the log warns of two lock files, and of an environment in the source", () => {
    const files = { "uv.lock": "", "poetry.lock": "", "venv/bin/python": "", Procfile: "" };
    expect(plan(files).warnings).toEqual([
      expect.stringContaining("venv is part of the source"),
      expect.stringContaining("uv.lock and poetry.lock: uv.lock is used"),
    ]);
  });
});

describe("an install of Python packages apart from the source", () => {
  const installOf = (files: Files, variables = {}) =>
    plan({ Procfile: "web: x", ...files }, variables).install;

  test("an install of Python packages has the files that list the dependencies only, and depends on them", () => {
    const install = installOf({ ...flask, "setup.cfg": "" });
    expect(install?.folder).toBe(".venv");
    expect([...(install?.files.keys() ?? [])]).toEqual(["requirements.txt"]);
    expect(installOf({ ...flask, "app.py": "other" })?.digest).toBe(install?.digest);
    expect(installOf({ ...flask, "requirements.txt": "flask" })?.digest).not.toBe(install?.digest);
    const locked = installOf({ "uv.lock": uvLock(), "pyproject.toml": project });
    expect([...(locked?.files.keys() ?? [])]).toEqual(["uv.lock", "pyproject.toml"]);
  });

  test("an install of Python packages depends on the variables that pip, uv and compilers read, or a list names, and on no others", () => {
    const requirements = { "requirements.txt": "--index-url https://${TOKEN}@example.com/simple\nx\n" };
    const digest = (variables: Files) => installOf(requirements, variables)?.digest;
    for (const name of ["PIP_INDEX_URL", "UV_INDEX", "CFLAGS", "TOKEN"])
      expect(digest({ [name]: "x" })).not.toBe(digest({}));
    expect(digest({ DATABASE_URL: "x" })).toBe(digest({}));
  });

  test.each(["wheels", "./wheels", "https://example.com ./wheels/a", "/work/build/wheels"])(
    "an install of Python packages is not planned when a variable of uv is %s, which is part of the source",
    (value) => {
      const files = { ...flask, "wheels/a.whl": "" };
      expect(installOf(files, { UV_FIND_LINKS: value })).toBeNull();
      expect(installOf(flask, { UV_FIND_LINKS: value })).not.toBeNull();
      expect(installOf(files, { OTHER: value })).not.toBeNull();
    },
  );

  test("an install of Python packages has the settings of uv, also for other files than its own", () => {
    const settings = `[tool.uv]\nindex-url = "https://example.com/simple"\n[tool.uv.sources]\nfoo = { git = "https://example.com/foo" }\n`;
    const install = installOf({ ...flask, "pyproject.toml": settings });
    expect([...(install?.files.keys() ?? [])]).toEqual(["requirements.txt", "pyproject.toml"]);
    expect(installOf({ "pyproject.toml": `${project}${settings}` })).not.toBeNull();
  });

  test.each([
    "Flask[async,dotenv] >= 3, != 3.0.1 ; python_version < '4' # web",
    "flask==3.0.0 --hash=sha256:a --hash=sha256:b",
    "flask (>=3)",
    "flask~=3.0;sys_platform == 'linux'",
    "backports.tarfile",
    "foo@https://example.com/foo.tar.gz",
    "foo[x] @ git+ssh://git@example.com/foo ; extra == 'y'",
    "https://example.com/foo-1.0-py3-none-any.whl",
    "-i https://${TOKEN}@example.com/simple",
    "--extra-index-url=https://example.com/simple",
    "--only-binary :all:",
    "--pre",
  ])("an install of Python packages is planned for the requirement %s", (line) => {
    expect(installOf({ "requirements.txt": `${line}\n` })).not.toBeNull();
  });

  test.each<[string, Files]>([
    ["another list of requirements", { "requirements.txt": "-r base.txt\n" }],
    ["constraints", { "requirements.txt": "x\n--constraint=c.txt\n" }],
    ["the app itself", { "requirements.txt": "-e .\n" }],
    ["a folder", { "requirements.txt": "./lib\n" }],
    ["a folder by name", { "requirements.txt": "lib @ file:./lib\n" }],
    ["a wheel", { "requirements.txt": "vendor/foo-1.0-py3-none-any.whl\n" }],
    ["a wheel at the root", { "requirements.txt": "foo-1.0-py3-none-any.whl\n" }],
    ["an archive at the root", { "requirements.txt": "foo-1.0.tar.gz ; python_version > '3'\n" }],
    ["a wheel by name", { "requirements.txt": "foo @ vendor/foo.whl\n" }],
    ["what a variable names", { "requirements.txt": "foo @ ${FOO}\n" }],
    ["an index of its own", { "requirements.txt": "--extra-index-url ./index\nfoo\n" }],
    ["a repository of its own", { "requirements.txt": "git+file:///build/lib\n" }],
    ["an option that is not known", { "requirements.txt": "--new-option x\nfoo\n" }],
    ["a folder in uv.lock", { "uv.lock": uvLock('{ editable = "lib" }'), "pyproject.toml": project }],
    ["a workspace of uv", { "uv.lock": uvLock(), "pyproject.toml": `${project}[tool.uv.workspace]\n` }],
    ["the app as a package", { "uv.lock": uvLock(), "pyproject.toml": `${project}[build-system]\n` }],
    ["its own code for a list", { "pyproject.toml": '[project]\nname = "x"\ndynamic = ["dependencies"]\n' }],
    ["a folder in Pipfile.lock", { "Pipfile.lock": '{"default": {"x": {"path": "."}}}' }],
    ["an index in Pipfile.lock", { "Pipfile.lock": '{"_meta": {"sources": [{"url": "file:///x"}]}}' }],
    ["a folder for uv", { "pyproject.toml": `${project}[tool.uv.sources]\nfoo = { path = "libs/foo" }\n` }],
    [
      "a folder on Linux",
      { "pyproject.toml": `${project}[tool.uv.sources]\nfoo = [{ path = "libs/foo", marker = "x" }]\n` },
    ],
    [
      "a folder by URL",
      { "pyproject.toml": project.replace("fastapi", "fastapi @ file:///work/build/libs") },
    ],
    ["a folder of wheels", { ...flask, "pyproject.toml": '[tool.uv]\nfind-links = ["wheels"]\n' }],
    ["an index in uv.toml", { ...flask, "uv.toml": '[[index]]\nurl = "./index"\n' }],
    ["an index in uv.lock", { "uv.lock": uvLock('{ registry = "index" }'), "pyproject.toml": project }],
    ["setup.py", { "setup.py": "" }],
    ["nothing, but has an environment", { ...flask, ".venv/bin/python": "" }],
  ])("an install of Python packages is not planned for an app that needs %s", (_what, files) => {
    expect(installOf(files)).toBeNull();
  });
});

describe("the start of an app without a Procfile", () => {
  const django = {
    "manage.py": 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.prod")',
    "shop/wsgi.py": "",
  };
  test.each<[string, string, Files]>([
    ["gunicorn for Flask", "gunicorn --bind 0.0.0.0:$PORT app:app", flask],
    [
      "gunicorn for wsgi.py before app.py",
      "gunicorn --bind 0.0.0.0:$PORT wsgi:server",
      { ...flask, "wsgi.py": "server: Flask = flask.Flask(__name__)" },
    ],
    [
      "gunicorn for a factory",
      "gunicorn --bind 0.0.0.0:$PORT 'app:create_app()'",
      { ...flask, "app.py": "def create_app():\n    app = Flask(__name__)\n    return app\n" },
    ],
    [
      "gunicorn for Django",
      "gunicorn --bind 0.0.0.0:$PORT shop.wsgi:application",
      { ...django, "requirements.txt": "django\nGunicorn == 23\n" },
    ],
    [
      "uvicorn for Django",
      "uvicorn --host 0.0.0.0 --port $PORT shop.asgi:application",
      { ...django, "requirements.txt": "django\nuvicorn\n" },
    ],
    [
      "uvicorn for FastAPI",
      "uvicorn --host 0.0.0.0 --port $PORT main:api",
      { "uv.lock": uvLock(), "pyproject.toml": project, "main.py": "import x\napi = FastAPI(title='x')\n" },
    ],
  ])("the start of an app without a Procfile is %s", (_what, command, files) => {
    expect(plan(files).web).toBe(command);
  });

  test("an app without a Procfile is refused without a server or an app, with what to add", async () => {
    expect(await refused({ ...flask, "requirements.txt": "flask" })).toContain(
      'app.py has an app of Flask, but no server for it is among the dependencies in requirements.txt. Add gunicorn to them, or a Procfile with a line such as "web: gunicorn --bind 0.0.0.0:$PORT app:app".',
    );
    expect(await refused({ "requirements.txt": "gunicorn" })).toContain("The app does not say how it starts");
  });

  test("the start of an app with a Procfile is the Procfile's, whatever the dependencies", () => {
    expect(plan({ "requirements.txt": "", Procfile: "web: python x.py" }).web).toBeNull();
  });

  test("static files are collected of Django only, and not if the app says so", () => {
    const files = { ...django, "requirements.txt": "django\ngunicorn" };
    expect(plan(files).scripts).toBe("build");
    expect(plan(files, { DISABLE_COLLECTSTATIC: "1" }).scripts).toBe("none");
    expect(plan(flask).scripts).toBe("none");
  });
});

describe("the version of Python", () => {
  test.each<[string, string, Files]>([
    ["3.12.x", ".python-version", { ".python-version": "# ours\n3.12\n", "runtime.txt": "python-3.11.4" }],
    ["3.11.4", "runtime.txt", { "runtime.txt": "python-3.11.4\n" }],
    [
      ">=3.11.0 <4.0.0",
      "requires-python of pyproject.toml",
      { "pyproject.toml": '[project]\nrequires-python = ">=3.11,<4.0"' },
    ],
    [
      "^3.11",
      "tool.poetry.dependencies.python of pyproject.toml",
      { "pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.11"' },
    ],
    [">=3.10 <4", ".python-version", { ".python-version": "~=3.10" }],
    ["~3.10.2", ".python-version", { ".python-version": "~=3.10.2" }],
    ["3.11.x", ".python-version", { ".python-version": "==3.11.*, !=3.11.3" }],
    ["3.9.x", "Pipfile.lock", { "Pipfile.lock": '{"_meta": {"requires": {"python_version": "3.9"}}}' }],
    ["*", "the default", {}],
  ])("the version of Python %s is required by %s", (range, wantedIn, files) => {
    expect(plan({ "requirements.txt": "", Procfile: "", ...files }).python).toMatchObject({
      range,
      wantedIn,
    });
  });

  test("a version of Python that is not CPython's is refused", async () => {
    expect(await refused({ ...flask, "runtime.txt": "pypy-3.10" })).toContain(
      'runtime.txt names "pypy-3.10", which is not a version of CPython.',
    );
  });
});
