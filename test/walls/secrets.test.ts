// Secrets of an app in its log, and secrets of the installation in its processes: each attack looks for a secret where none is allowed.

import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { runningProcess } from "@slipway/setup";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { call, createApp, deployed } from "../e2e/slipway.ts";
import type { DeploymentJson } from "../e2e/slipway.ts";

const token = "x8Kq2mZ91rTw04bCn7";
const keyLines = [
  "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
  "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu",
];
const pem = ["-----BEGIN PRIVATE KEY-----", ...keyLines, "-----END PRIVATE KEY-----"].join("\n");
const credentials = JSON.stringify({ type: "service_account", private_key: pem }, undefined, 2);
const variables = {
  API_TOKEN: token,
  SECRET_KEY: "production",
  DEPLOY_KEY: pem,
  GOOGLE_CREDENTIALS: credentials,
  DATABASE_URL: "postgres://shop:abc@db/shop",
};

interface Attack {
  readonly name: string;
  /** The build's script. */
  readonly script: string;
  /** The lines that the log shows of the script's output. */
  readonly shown: readonly string[];
}

/** No build can get its secret into the log: neither in these forms, nor as the token without the characters that interrupt it. */
const attacks: readonly Attack[] = [
  { name: "prints the token", script: 'echo "token $API_TOKEN."', shown: ["token [masked]."] },
  {
    name: "writes the token in two parts",
    script: 'printf "split ${API_TOKEN:0:7}"; sleep 0.2; echo "${API_TOKEN:7}!"',
    shown: ["split [masked]!"],
  },
  {
    name: "writes the token one character at a time",
    script: `for ((i = 0; i < \${#API_TOKEN}; i++)); do printf %s "\${API_TOKEN:i:1}"; done; echo " letters"`,
    shown: ["[masked] letters"],
  },
  {
    name: "writes color codes between the token's characters",
    script: String.raw`printf 'colored \033[1m%s\033[32m%s\033[0m ends\n' "${"$"}{API_TOKEN:0:9}" "${"$"}{API_TOKEN:9}"`,
    shown: ["[masked]", " ends"],
  },
  {
    name: "encodes the token as base64",
    script: 'printf %s "$API_TOKEN" | base64',
    shown: ["[masked]"],
  },
  {
    name: "encodes user and token as base64, as HTTP clients do",
    script: 'echo "Basic $(printf %s "deploy:$API_TOKEN" | base64)"',
    shown: ["Basic ", "[masked]"],
  },
  {
    name: "encodes the token as hexadecimal digits",
    script: `printf %s "$API_TOKEN" | od -An -v -tx1 | tr -d ' \\n'; echo " digits"`,
    shown: ["[masked] digits"],
  },
  { name: "traces its commands", script: '(set -x; : "--token=$API_TOKEN")', shown: ["--token=[masked]"] },
  {
    name: "prints a key of several lines",
    script: 'echo "$DEPLOY_KEY"',
    shown: ["-----BEGIN", "[masked]\n[masked]"],
  },
  {
    name: "encodes a key as base64 in lines",
    script: 'printf %s "$DEPLOY_KEY" | base64',
    shown: ["[masked]"],
  },
  {
    name: "prints a file of credentials",
    script: 'echo "$GOOGLE_CREDENTIALS"',
    shown: ['  "type": "service_account",\n', '  "private_key": "'],
  },
  {
    name: "prints the URL of its database",
    script: 'echo "at $DATABASE_URL"',
    shown: ["at postgres://[masked]@db/shop"],
  },
  {
    name: "prints a word that a secret variable has as its value",
    script: "echo NODE_ENV=production node --version production",
    shown: ["NODE_ENV=production node --version production\n"],
  },
];

describe("a build that has secrets", () => {
  let log = "";
  let deployment: DeploymentJson | undefined;
  beforeAll(async () => {
    const app = await createApp("secrets");
    const list = Object.entries(variables).map(([name, value]) => ({ name, value }));
    await call("PUT", `/v1/apps/${app.name}/variables`, { variables: list });
    const load = Object.keys(variables).map((name) => `export ${name}="$(cat "$3/${name}")"`);
    const scripts = attacks.map(({ script }, index) => `echo "== ${index}"\n${script}`);
    const compile = [...load, ...scripts, `echo "== ${attacks.length}"`].join("\n");
    const archive = await packTarGz(inlineApp(compile, answering("up")));
    ({ log, deployment } = await deployed(app.name, archive));
  });

  test("a build that prints its secrets in every way succeeds", () => {
    expect({ status: deployment?.status, log }).toMatchObject({ status: "success" });
  });

  test.for(attacks.map(({ name, shown }, index) => ({ name, shown, index })))(
    "a build that $name leaves no secret in its log",
    ({ shown, index }) => {
      const part = log.slice(log.indexOf(`== ${index}\n`), log.indexOf(`== ${index + 1}\n`));
      for (const text of shown) expect(part).toContain(text);
    },
  );

  test("no form of a secret is anywhere in the log, and its last line names the variables", () => {
    // oxlint-disable-next-line eslint/no-control-regex
    const text = log.replaceAll(/\x1b\[[0-9;]*m/g, "");
    const encodings: BufferEncoding[] = ["utf8", "base64", "hex"];
    const forms = encodings.flatMap((encoding) =>
      [token, ...keyLines].map((one) => Buffer.from(one).toString(encoding)),
    );
    for (const form of [...forms, "shop:abc"]) expect(text).not.toContain(form);
    expect(log.trimEnd().split("\n").at(-1)).toBe(
      "       4 values of secret variables were hidden in this log: API_TOKEN, DATABASE_URL, DEPLOY_KEY, GOOGLE_CREDENTIALS",
    );
  });
});

describe("a process of a running installation", () => {
  const dataDir = () => dirname(inject("logFolder"));

  /** The process's environment, as the kernel shows it. */
  async function environmentOf(name: string): Promise<Record<string, string>> {
    const process = await runningProcess(dataDir(), name);
    const text = await readFile(`/proc/${process?.pid ?? 0}/environ`, "utf8");
    return Object.fromEntries(
      text
        .split("\0")
        .filter(Boolean)
        .map((entry) => entry.split(/=(.*)/s).slice(0, 2)),
    );
  }

  test.for([
    ["api", ["BOOTSTRAP_TOKEN", "REDIS_URL", "SIGNING_KEYS_FILE"]],
    ["stream", ["REDIS_URL", "SIGNING_KEYS_FILE"]],
    ["router", ["REDIS_URL"]],
    ["worker-1", ["RECEIPT_KEY_FILE", "REDIS_URL", "REGISTRY_URL"]],
  ] as const)("%s has only the secrets %o in its environment", async ([name, secrets]) => {
    const environment = await environmentOf(name);
    const held = Object.keys(environment).filter((key) =>
      /^(?:BOOTSTRAP_TOKEN|REDIS_URL|REGISTRY_URL|SIGNING_KEY|RECEIPT_KEY)|PASSWORD|AUTH_SOCK|CERT_PATH/.test(
        key,
      ),
    );
    expect(held.toSorted()).toEqual(secrets);
    expect(Object.values(environment).includes(inject("adminToken"))).toBe(name === "api");
  });

  test("each kind of process has another password of Redis, and none that of the server", async () => {
    const urls = await Promise.all(
      ["api", "stream", "router", "worker-1"].map(
        async (name) => (await environmentOf(name))["REDIS_URL"] ?? "",
      ),
    );
    const passwords = urls.map((url) => new URL(url).password);
    expect(new Set(passwords).size).toBe(4);
    expect(passwords).not.toContain((await readFile(`${dataDir()}/redis/password`, "utf8")).trim());
  });
});

describe("the private registry of a running installation", () => {
  test.for([
    ["lists its repositories", "GET", "/v2/_catalog"],
    ["pulls an image", "GET", "/v2/slipway/stack/tags/list"],
    ["pushes a layer", "POST", "/v2/slipway/stack/blobs/uploads/"],
    ["deletes an image", "DELETE", `/v2/slipway/stack/manifests/sha256:${"0".repeat(64)}`],
  ] as const)(
    "the private registry answers 401 to a client without a password, or with a wrong one, that %s",
    async ([, method, path]) => {
      const { origin } = new URL(inject("stack").registryUrl);
      const wrong = { authorization: `Basic ${Buffer.from("slipway:wrong").toString("base64")}` };
      for (const headers of [{}, wrong]) {
        const answer = await fetch(`${origin}${path}`, { method, headers });
        await answer.body?.cancel();
        expect(answer.status).toBe(401);
      }
    },
  );
});
