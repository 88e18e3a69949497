import { describe, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { planNode } from "./plan.ts";

const manifest = {
  name: "app",
  version: "1.0.0",
  scripts: { start: "node index.js" },
  dependencies: { ms: "2.1.3" },
};
const lock = {
  name: "app",
  lockfileVersion: 3,
  packages: {
    "": { name: "app", dependencies: { ms: "2.1.3" } },
    "node_modules/ms": { version: "2.1.3", resolved: "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz" },
  },
};
const withScript = {
  ...lock,
  packages: { ...lock.packages, "node_modules/esbuild": { version: "0.25.0", hasInstallScript: true } },
};

interface Changes {
  readonly files?: Readonly<Record<string, unknown>>;
  readonly names?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
}

function plan({ files = {}, names = [], variables = {} }: Changes = {}) {
  const all: Readonly<Record<string, unknown>> = {
    "package.json": manifest,
    "package-lock.json": lock,
    ...files,
  };
  const content = new Map(
    Object.entries(all).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [[name, Buffer.from(typeof value === "string" ? value : JSON.stringify(value))] as const],
    ),
  );
  return planNode({
    read: (name) => content.get(name),
    names: [...content.keys(), ...names].sort(),
    variables,
  });
}

const withScripts = (scripts: Readonly<Record<string, string>>) => ({
  files: { "package.json": { ...manifest, scripts: { ...manifest.scripts, ...scripts } } },
});

describe("an app whose lock file decides its dependencies", () => {
  test("an app whose lock file decides its dependencies needs no build of its source, and an install needs three files at most", () => {
    const { install, scripts, web, warnings } = plan({ files: { ".npmrc": "fund=false\n" } });
    expect(scripts).toBe("none");
    expect([...(install?.files.keys() ?? [])]).toEqual(["package.json", "package-lock.json", ".npmrc"]);
    expect(install?.packageCount).toBe(1);
    expect(web).toBe("npm start");
    expect(warnings).toEqual([]);
  });

  test.each([
    ["build", "build"],
    ["heroku-postbuild", "build"],
    ["heroku-prebuild", "install"],
    ["preinstall", "install"],
    ["postinstall", "install"],
    ["prepare", "install"],
  ] as const)("an app with the script %s runs scripts of the kind %s", (name, kind) => {
    expect(plan(withScripts({ [name]: "node x.js" })).scripts).toBe(kind);
    expect(plan(withScripts({ [name]: "node x.js", build: "node y.js" })).scripts).toBe(kind);
  });

  test("an app whose lock file decides its dependencies needs no build for other scripts", () => {
    expect(plan(withScripts({ test: "vitest", lint: "eslint", prebuild: "x" })).scripts).toBe("none");
  });
});

describe("an install needs the whole source", () => {
  test.each<[string, Changes]>([
    ["without a lock file", { files: { "package-lock.json": "{}" } }],
    ["with a lock file of npm 6", { files: { "package-lock.json": { ...lock, lockfileVersion: 1 } } }],
    ["with a damaged lock file", { files: { "package-lock.json": "<<<<<<< HEAD" } }],
    ["with workspaces", { files: { "package.json": { ...manifest, workspaces: ["packages/*"] } } }],
    [
      "with a dependency that is a folder",
      {
        files: {
          "package-lock.json": {
            ...lock,
            packages: { "node_modules/lib": { resolved: "lib", link: true }, lib: { version: "1.0.0" } },
          },
        },
      },
    ],
    [
      "with a dependency that is a tarball in the source",
      {
        files: {
          "package-lock.json": { ...lock, packages: { "node_modules/lib": { resolved: "file:lib.tgz" } } },
        },
      },
    ],
    ...["@prisma/client", "puppeteer"].map((name): [string, Changes] => [
      `with ${name}, whose install script uses the source`,
      {
        files: {
          "package-lock.json": {
            ...lock,
            packages: { [`node_modules/${name}`]: { version: "6.0.0", hasInstallScript: true } },
          },
        },
      },
    ]),
    ...["cafile=certs/ca.pem", "//r.example.com/:keyfile = 'key'", "node-options=--require ./a.js"].map(
      (text): [string, Changes] => [
        `with ${text} in .npmrc`,
        { files: { ".npmrc": `fund=false\n${text}\n` } },
      ],
    ),
    [
      "with a variable of npm that names a file of the source",
      { names: ["certs/"], variables: { npm_config_cafile: "./certs/ca.pem" } },
    ],
    [
      "with an option of Node.js that names a file of the source",
      { names: ["otel.js"], variables: { NODE_OPTIONS: "--max-old-space-size=400 --require=./otel.js" } },
    ],
    ["with node_modules in the source", { names: ["node_modules/"] }],
    ["with an .npmrc that is a link", { names: [".npmrc"] }],
  ])("an install needs the whole source %s", (_when, changes) => {
    expect(plan(changes).install).toBeNull();
  });
});

test.each([
  "cafile=/etc/ssl/certs/ca-certificates.crt",
  "//registry.npmjs.org/:_authToken=${TOKEN}",
  "node-options=--max-old-space-size=400",
  "registry=https://registry.npmjs.org/",
])("an install does not need the whole source with %s in .npmrc", (text) => {
  expect(plan({ files: { ".npmrc": text } }).install).not.toBeNull();
});

test("an install does not need the whole source for variables without paths", () => {
  const variables = { NODE_OPTIONS: "--max-old-space-size=400", NODE_ENV: "test", npm_config_omit: "test" };
  expect(plan({ names: ["test/"], variables }).install).not.toBeNull();
});

describe("the digest of an install", () => {
  const digest = (changes: Changes) => plan(changes).install?.digest;

  test.each<[string, Changes]>([
    ["another script", withScripts({ test: "vitest" })],
    ["another description", { files: { "package.json": { ...manifest, description: "x" } } }],
    ["a variable of the app", { variables: { DATABASE_URL: "x" } }],
    ["another file name", { names: ["README.md"] }],
  ])("the digest of an install does not change with %s", (_what, changes) => {
    expect(digest(changes)).toBe(digest({}));
  });

  test.each<[string, Changes]>([
    ["the lock file", { files: { "package-lock.json": JSON.stringify(lock, null, 1) } }],
    ["a dependency", { files: { "package.json": { ...manifest, dependencies: { ms: "2.1.2" } } } }],
    ["an override", { files: { "package.json": { ...manifest, overrides: { ms: "2.0.0" } } } }],
    ["an .npmrc", { files: { ".npmrc": "omit=optional" } }],
    ["NODE_ENV", { variables: { NODE_ENV: "development" } }],
    ["a variable of npm", { variables: { NPM_CONFIG_OMIT: "optional" } }],
  ])("the digest of an install changes with %s", (_what, changes) => {
    expect(digest(changes)).not.toBe(digest({}));
  });

  test("the digest of an install changes with a variable that .npmrc names", () => {
    const files = { ".npmrc": "//registry.npmjs.org/:_authToken=${TOKEN}" };
    expect(digest({ files, variables: { TOKEN: "a" } })).not.toBe(
      digest({ files, variables: { TOKEN: "b" } }),
    );
    expect(digest({ files, variables: { OTHER: "a" } })).toBe(digest({ files, variables: { OTHER: "b" } }));
  });

  test("the digest of an install changes with any variable and any field when a package has an install script", () => {
    const files = { "package-lock.json": withScript };
    expect(digest({ files, variables: { ANY: "a" } })).not.toBe(digest({ files, variables: { ANY: "b" } }));
    const other = { ...files, "package.json": { ...manifest, description: "x" } };
    expect(digest({ files: other })).not.toBe(digest({ files }));
  });
});

describe("the requirement for a version of Node.js", () => {
  const node = (changes: Changes) => plan(changes).node;

  test("the requirement for a version of Node.js is engines.node, then .nvmrc, then .node-version, else empty", () => {
    const engines = { "package.json": { ...manifest, engines: { node: " 22.x ", npm: "10" } } };
    const files = { ".nvmrc": "# the team's\r\n\r\n  v20.11.1 \r\n22\n", ".node-version": "18" };
    expect(node({ files: { ...files, ...engines } })).toEqual({
      wanted: "22.x",
      wantedIn: "engines.node of package.json",
      wantedNpm: "10",
      wantedNpmIn: "engines.npm of package.json",
    });
    expect(node({ files })).toMatchObject({ wanted: "v20.11.1", wantedIn: ".nvmrc", wantedNpm: "" });
    expect(node({ files: { ...files, ".nvmrc": "\n" } })).toMatchObject({
      wanted: "18",
      wantedIn: ".node-version",
    });
    expect(node({})).toMatchObject({ wanted: "", wantedIn: "the default", wantedNpm: "" });
  });

  test("packageManager names the version of npm and its hash, before engines.npm", () => {
    const packageManager = `npm@11.2.0+sha1.${"ab".repeat(20)}`;
    const found = node({
      files: { "package.json": { ...manifest, packageManager, engines: { npm: "10" } } },
    });
    expect(found).toMatchObject({
      wantedNpm: "11.2.0",
      wantedNpmIn: "packageManager of package.json",
      npmHash: { algorithm: "sha1", hex: "ab".repeat(20) },
    });
  });

  test("the requirement for a version of Node.js ignores fields of another type", () => {
    expect(node({ files: { "package.json": { ...manifest, engines: ["node >= 18"] } } }).wanted).toBe("");
    expect(node({ files: { "package.json": { ...manifest, engines: { node: 22 } } } }).wanted).toBe("");
  });
});

describe("an app that cannot be built is refused", () => {
  test.each([
    ["{", "is not valid JSON"],
    ["[]", "is not a JSON object"],
    ['"x"', "is not a JSON object"],
    ["", "is not valid JSON"],
  ])("an app is refused when package.json is %j", async (text, message) => {
    const outcome = refusal((async () => plan({ files: { "package.json": text } }))());
    expect(await outcome).toMatch(new RegExp(`^build-failed: .*${message}`));
  });

  test("an app is refused when it does not say how it starts", async () => {
    const files = { "package.json": { name: "app" } };
    expect(await refusal((async () => plan({ files }))())).toContain("does not say how it starts");
    expect(plan({ files, names: ["server.js"] }).web).toBe("node server.js");
    expect(plan({ files, names: ["Procfile"] }).web).toBeNull();
  });

  test("an app is refused with the way to serve static files as well", async () => {
    const files = { "package.json": { name: "app", scripts: { test: "x" } } };
    expect(await refusal((async () => plan({ files }))())).toMatch(
      /"build" script.*BUILDPACK_NAME to static/,
    );
  });
});

test("a front end is built from its source and served without a command of Node.js", () => {
  const scripts = { build: "vite build", start: "vite" };
  const files = { "package.json": { ...manifest, scripts } };
  expect(plan({ files })).toMatchObject({ releasedOn: "stack", web: null, scripts: "build" });
  expect(plan()).toMatchObject({ releasedOn: "dependencies", web: "npm start" });
});

describe("an app of another package manager", () => {
  const files = {
    "package-lock.json": undefined,
    "package.json": { ...manifest, packageManager: "pnpm@9.1.0" },
    "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
  };

  test("an app of another package manager is planned with it, and with npm alone for its processes", () => {
    expect(plan({ files })).toMatchObject({
      packageManager: { name: "pnpm", wanted: "9.1.0", lockfileVersion: "9.0" },
      startedPackageManager: null,
      web: "npm start",
      warnings: [],
    });
  });

  const msOf = "packages:\n\n  ms@2.0.0:\n    resolution: {integrity: sha512-x==}\n";
  const locked = { ...files, "pnpm-lock.yaml": `lockfileVersion: '9.0'\n\n${msOf}` };

  test("an app of another package manager needs no build of its source", () => {
    const workspaceFile = { "pnpm-workspace.yaml": "onlyBuiltDependencies:\n  - esbuild\n" };
    const { install, scripts } = plan({ files: { ...locked, ...workspaceFile } });
    expect(scripts).toBe("none");
    expect([...(install?.files.keys() ?? [])]).toEqual([
      "package.json",
      "pnpm-lock.yaml",
      "pnpm-workspace.yaml",
    ]);
    expect(install?.packageCount).toBe(1);
  });

  test.each<[string, Record<string, unknown>, readonly string[]]>([
    ["with workspaces", { "pnpm-workspace.yaml": "packages:\n  - apps/*\n" }, []],
    ["with settings that name files", { "pnpm-workspace.yaml": "patchedDependencies:\n  ms: x\n" }, []],
    ["with a pnpmfile", {}, [".pnpmfile.cjs"]],
    ["with a link", { "package.json": { ...files["package.json"], dependencies: { a: "link:../a" } } }, []],
  ])("an install of another package manager needs the whole source %s", (_when, changes, names) => {
    expect(plan({ files: { ...locked, ...changes }, names }).install).toBeNull();
  });

  test("yarn 2 and later have no install of their own when a process calls them, which yarn 1 has", () => {
    const yarn = {
      ...files,
      "pnpm-lock.yaml": undefined,
      Procfile: "web: yarn start",
      "package.json": manifest,
    };
    const berry =
      '__metadata:\n  version: 8\n\n"ms@npm:2.0.0":\n  resolution: "ms@npm:2.0.0"\n  linkType: hard\n';
    expect(plan({ files: { ...yarn, "yarn.lock": berry } }).install).toBeNull();
    expect(plan({ files: { ...yarn, Procfile: undefined, "yarn.lock": berry } }).install).not.toBeNull();
    const yarn1 = '# yarn lockfile v1\n\n\nms@2.0.0:\n  version "2.0.0"\n';
    expect(plan({ files: { ...yarn, "yarn.lock": yarn1 } }).install).not.toBeNull();
  });

  test("an app of another package manager has it in its image when a process calls it", () => {
    const started = plan({ files: { ...files, Procfile: "web: pnpm start" } }).startedPackageManager;
    expect(started).toMatchObject({ name: "pnpm", wanted: "9.1.0", lockfileVersion: "9.0" });
  });
});
