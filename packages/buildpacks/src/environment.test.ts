import { expect, test } from "vitest";
import { buildEnvironment, isProtectedName, releaseEnvironment, runEnvironment } from "./environment.ts";

const platform = {
  stack: "slipway-12",
  app: "shop",
  sourceTime: 1_700_000_000,
  sourceVersion: "abc",
  requestId: "r1",
  buildpacks: ["inline", "nodejs"],
  catalogued: [],
  chosen: null,
  npmRegistry: null,
  pythonIndex: "https://pypi.org/simple/",
  goProxy: "https://proxy.golang.org",
  goChecksumDatabase: "sum.golang.org",
  caBundle: null,
};

test.each([
  "PATH",
  "HOME",
  "IFS",
  "BASH_ENV",
  "LD_PRELOAD",
  "LD_AUDIT",
  "BASH_FUNC_x",
  "UID",
  "STACK",
  "PORT",
  "GIT_DIR",
])("the variable %s is protected", (name) => expect(isProtectedName(name)).toBe(true));

test.each(["PATHS", "NODE_ENV", "GREETING", "MY_PORT", "LDAP", "NPM_CONFIG_PRODUCTION", "HOSTNAME"])(
  "users can set %s",
  (name) => expect(isProtectedName(name)).toBe(false),
);

test("a build gets the platform's variables in its environment and the app's as files", () => {
  const { environment, files, withheld } = buildEnvironment({
    variables: { A: "é\n", PATH: "/x" },
    platform,
  });
  expect(environment).toEqual({
    STACK: "slipway-12",
    APP: "shop",
    SOURCE_DATE_EPOCH: "1700000000",
    SOURCE_VERSION: "abc",
    REQUEST_ID: "r1",
    BUILDPACKS: "inline nodejs",
    SLIPWAY_PYTHON_INDEX: "https://pypi.org/simple/",
    SLIPWAY_GO_PROXY: "https://proxy.golang.org",
    SLIPWAY_GO_SUMDB: "sum.golang.org",
    CURL_CONNECT_TIMEOUT: "30",
    CURL_TIMEOUT: "180",
  });
  expect(files.map(({ name, mode, content }) => [name, mode, content.toString()])).toEqual([
    ["env/A", 0o600, "é\n"],
    ["env/PATH", 0o600, "/x"],
  ]);
  expect(withheld).toEqual(["PATH"]);
});

test("the build's environment contains registry, CA bundle, PROJECT_DIR and the chosen buildpack", () => {
  const { environment } = buildEnvironment({
    variables: { BUILDPACK_NAME: "nodejs", PROJECT_DIR: "web" },
    platform: { ...platform, npmRegistry: "http://registry.test/", caBundle: "/work/ca/bundle.pem" },
  });
  expect(environment).toMatchObject({
    BUILDPACKS: "nodejs",
    PROJECT_DIR: "web",
    npm_config_registry: "http://registry.test/",
    NODE_EXTRA_CA_CERTS: "/work/ca/bundle.pem",
    npm_config_cafile: "/work/ca/bundle.pem",
  });
});

test.each(["*", "../x", "nodejs inline", "php"])("BUILDPACK_NAME %j is rejected", (name) => {
  expect(() => buildEnvironment({ variables: { BUILDPACK_NAME: name }, platform })).toThrow(
    expect.objectContaining({ code: "no-buildpack" }),
  );
});

test("in a release, the app's variables override the buildpack's, and the platform's override both", () => {
  const environment = releaseEnvironment({
    variables: { A: "user", LD_PRELOAD: "x", PORT: "1" },
    configVars: { A: "default", B: "default", PATH: "/x" },
  });
  expect(environment).toEqual({ A: "user", B: "default" });
  const run = {
    app: "shop",
    appId: "id1",
    stack: "slipway-12",
    region: "local",
    containerVersion: 3,
    home: "/app",
  };
  const expected = {
    A: "user",
    B: "default",
    HOME: "/app",
    APP: "shop",
    STACK: "slipway-12",
    REGION_NAME: "local",
    CONTAINER_VERSION: "3",
    SCALINGO_APPLICATION_ID: "id1",
  };
  expect(runEnvironment({ environment, platform: run })).toEqual(expected);
  const { HOME: _, ...rest } = expected;
  expect(runEnvironment({ environment, platform: { ...run, home: null } })).toEqual(rest);
});
