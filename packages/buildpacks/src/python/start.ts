// How a Python app starts without a Procfile: the server among its dependencies, and the app that it serves.

import { SlipwayError } from "@slipway/core";
import type { LanguageSource } from "../language.ts";
import { textOf } from "../documents.ts";

/** An app object that a server imports. */
interface ServedApp {
  /** The file in which it was found, for messages. */
  readonly file: string;
  readonly framework: string;
  readonly wsgi: string | null;
  readonly asgi: string | null;
}

/** Modules that usually contain the app, in search order. */
export const appModules = ["wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py"];

const wsgiFrameworks = ["Flask", "Bottle"];
const asgiFrameworks = ["FastAPI", "Starlette", "Quart", "Litestar", "Sanic"];

/** @returns the command of the web process; null when the source does not define one. @throws {SlipwayError} never. */
export function webCommand(source: LanguageSource, dependencies: ReadonlySet<string>): string | null {
  const app = servedApp(source);
  return app === null ? null : serverOf(app, dependencies);
}

/** The error for an app without a Procfile and without a server and an app for it, with what to add. */
export function noStart(source: LanguageSource, listedIn: string): SlipwayError {
  const app = servedApp(source);
  const procfile = (command: string) => `or a Procfile with a line such as "web: ${command}"`;
  if (app === null)
    return new SlipwayError(
      "build-failed",
      `The app does not say how it starts: there is neither a Procfile, nor manage.py, nor an app of Flask or FastAPI in ${appModules.join(", ")}. Add ${procfile("gunicorn --bind 0.0.0.0:$PORT package.module:app").slice(3)}.`,
    );
  const server = app.wsgi === null ? "uvicorn" : "gunicorn";
  const command = serverOf(app, new Set([server])) ?? "";
  return new SlipwayError(
    "build-failed",
    `${app.file} has an app of ${app.framework}, but no server for it is among the dependencies in ${listedIn}. Add ${server} to them, ${procfile(command)}.`,
  );
}

function serverOf({ wsgi, asgi }: ServedApp, dependencies: ReadonlySet<string>): string | null {
  if (wsgi !== null && dependencies.has("gunicorn")) return `gunicorn --bind 0.0.0.0:$PORT ${wsgi}`;
  const uvicorn = ["uvicorn", "fastapi-cli"].some((name) => dependencies.has(name));
  if (asgi !== null && uvicorn) return `uvicorn --host 0.0.0.0 --port $PORT ${asgi}`;
  return null;
}

function servedApp(source: LanguageSource): ServedApp | null {
  const django = djangoApp(source);
  if (django !== null) return django;
  for (const file of appModules) {
    const found = appIn(textOf(source, file), file);
    if (found !== null) return found;
  }
  return null;
}

/** `manage.py` names the settings, and a Django project has the modules for servers beside its settings. */
function djangoApp(source: LanguageSource): ServedApp | null {
  const [settings] =
    /(?<=DJANGO_SETTINGS_MODULE["']\s*,\s*["'])[\w.]+(?=["'])/.exec(textOf(source, "manage.py")) ?? [];
  const [project = ""] = settings?.split(".") ?? [];
  if (project === "" || !source.names.includes(`${project}/`)) return null;
  return {
    file: "manage.py",
    framework: "Django",
    wsgi: `${project}.wsgi:application`,
    asgi: `${project}.asgi:application`,
  };
}

function appIn(text: string, file: string): ServedApp | null {
  const module = file.replace(/\.py$/, "");
  const [, name, framework = ""] =
    /^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(Flask|Bottle|FastAPI|Starlette|Quart|Litestar|Sanic)\(/m.exec(
      text,
    ) ?? [];
  if (name !== undefined) return served({ file, framework }, `${module}:${name}`);
  if (/^(?:application|app)\s*=\s*get_wsgi_application\(/m.test(text))
    return served({ file, framework: "Django" }, `${module}:application`);
  const factory = /^def (create_app|make_app)\(\)/m.exec(text)?.[1];
  const made = [...wsgiFrameworks, ...asgiFrameworks].find((one) => text.includes(`${one}(`));
  if (factory === undefined || made === undefined || !wsgiFrameworks.includes(made)) return null;
  return served({ file, framework: made }, `'${module}:${factory}()'`);
}

function served(found: Pick<ServedApp, "file" | "framework">, target: string): ServedApp {
  const isAsgi = asgiFrameworks.includes(found.framework);
  return { ...found, wsgi: isAsgi ? null : target, asgi: isAsgi ? target : null };
}
