// Apps in Python: Flask, Django and FastAPI, with the files that authors commonly have in the source, on the stack's Python.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { createApp, logOf, page } from "./slipway.ts";

// The deployments of these tests wait for each other, because the workers run two at a time.
vi.setConfig({ testTimeout: 300_000 });

type Files = Readonly<Record<string, string>>;

function packed(files: Files): Promise<Buffer> {
  return packTarGz(
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`app/${name}`, content])),
  );
}

const flask = {
  // A package without a wheel is compiled with Python's headers.
  "requirements.txt": "--no-binary markupsafe\nflask==3.0.3\nmarkupsafe==3.0.2\ngunicorn==23.0.0\n",
  ".python-version": "3.11\n",
};
const flaskServer = (text: string) => `from flask import Flask
import markupsafe._speedups, sys

app = Flask(__name__)

@app.get("/")
def page():
    return f"${text} {sys.prefix} {markupsafe._speedups.__name__}"
`;

test.concurrent("a Flask app is served by gunicorn, and its second deployment reuses the dependencies", async () => {
  const { name } = await createApp("flask");
  const first = await logOf(name, await packed({ ...flask, "app.py": flaskServer("first") }), "success");
  expect(first).toContain("Using Python 3.11");
  expect(first).toContain("+ flask==3.0.3");
  expect(await page(name)).toBe("first /app/.venv markupsafe._speedups");

  const second = await logOf(name, await packed({ ...flask, "app.py": flaskServer("second") }), "success");
  expect(second).toContain("Dependencies have not changed");
  expect(second).not.toContain("Installing dependencies");
  expect(await page(name)).toBe("second /app/.venv markupsafe._speedups");
});

const django = {
  "requirements.txt": "Django==5.1.4\ngunicorn==23.0.0\n",
  "manage.py": `import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
`,
  "site1/__init__.py": "",
  "site1/settings.py": `SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site1.urls"
INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.staticfiles"]
STATIC_URL = "static/"
STATIC_ROOT = "collected"
`,
  "site1/urls.py": `from django.http import HttpResponse
from django.urls import path
from pathlib import Path
urlpatterns = [path("", lambda request: HttpResponse(str(Path("collected/admin/css/base.css").is_file())))]
`,
  "site1/wsgi.py": `import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
`,
};

test.concurrent("a Django app has its static files collected in the build, also if its install needs the whole source", async () => {
  const { name } = await createApp("django");
  const log = await logOf(name, await packed(django), "success");
  expect(log).toMatch(/\d+ static files copied/);
  expect(log).not.toContain("begins again");
  expect(log.match(/Installing dependencies/g)).toHaveLength(1);
  expect(await page(name)).toBe("True");

  const listed = {
    "requirements.txt": "-r base.txt\nDjango\ngunicorn\n",
    "base.txt": django["requirements.txt"],
  };
  const whole = await logOf(name, await packed({ ...django, ...listed }), "success");
  expect(whole).toMatch(/Python app detected[^]*Installing dependencies[^]*\d+ static files copied/);
  expect(await page(name)).toBe("True");

  const changed = (settings: string) => packed({ ...django, "site1/settings.py": settings });
  const withoutRoot = django["site1/settings.py"].replace('STATIC_ROOT = "collected"\n', "");
  expect(await logOf(name, await changed(withoutRoot), "success")).toContain("There are none to collect");
  const broken = await logOf(name, await changed('import os\nos.environ["MISSING"]\n'), "build-error");
  expect(broken).toMatch(/KeyError: 'MISSING'[^]*The settings of Django cannot be loaded/);
});

test.concurrent("a FastAPI app is installed from its uv.lock and served by uvicorn", async () => {
  const { name } = await createApp("fastapi");
  const log = await logOf(
    name,
    await packed({
      "pyproject.toml": `[project]
name = "api"
version = "0.1.0"
requires-python = "==3.11.*"
dependencies = ["fastapi", "uvicorn"]
`,
      "uv.lock": await readFile(join(import.meta.dirname, "fastapi-uv.lock"), "utf8"),
      "main.py": `from fastapi import FastAPI

app = FastAPI()

@app.get("/")
def page() -> dict[str, int]:
    return {"answer": 42}
`,
    }),
    "success",
  );
  expect(log).toContain("uv sync --locked");
  expect(await page(name)).toBe('{"answer":42}');
});

test.concurrent("a version of Python that is not available, and a package that does not exist, fail the build with what to do", async () => {
  const app = { ...flask, "app.py": flaskServer("never") };
  const { name } = await createApp("flask");
  const version = await logOf(name, await packed({ ...app, ".python-version": "3.7" }), "build-error");
  expect(version).toContain("Python 3.7 (.python-version) is not available. Available: 3.11");
  expect(version).toContain("PYTHON_MIRROR");
  const requirements = "gunicorn==23.0.0\nflask==99.0\n";
  const missing = await logOf(
    name,
    await packed({ ...app, "requirements.txt": requirements }),
    "build-error",
  );
  expect(missing).toContain("A package of requirements.txt, or its version, is not in the index");
});
