import { describe, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { isFrontEnd } from "./front-end.ts";
import { parsePackageJson } from "./package-json.ts";

interface Given {
  readonly manifest: object;
  readonly files?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
}

function decide({ manifest, files = {}, variables = {} }: Given): boolean {
  const source = {
    read: (name: string) => (files[name] === undefined ? undefined : Buffer.from(files[name])),
    names: ["package.json", ...Object.keys(files)],
    variables,
  };
  const web = files["server.js"] === undefined ? null : "node server.js";
  return isFrontEnd(parsePackageJson(JSON.stringify(manifest)), source, web);
}

const built = (start: string | null, build: string, dependencies: readonly string[] = []) => ({
  scripts: { build, ...(start === null ? {} : { start }) },
  dependencies: Object.fromEntries(dependencies.map((name) => [name, "*"])),
});

describe("an app with a build script and no server is a front end", () => {
  test.each<[string, object]>([
    ["Vite", built(null, "vite build")],
    ["Vite with a type check", built("vite", "tsc -b && vite build")],
    ["Vite's preview", built("vite preview --host 0.0.0.0 --port $PORT", "vite build")],
    ["Vite by another script", { scripts: { build: "vite build", dev: "vite", start: "npm run dev" } }],
    ["Vite by yarn", { scripts: { build: "vite build", dev: "vite --open", start: "yarn dev" } }],
    ["Create React App", built("react-scripts start", "react-scripts build")],
    [
      "Create React App with variables",
      built(
        "cross-env NODE_OPTIONS='--openssl-legacy-provider --x' react-scripts start",
        "react-scripts build",
      ),
    ],
    ["craco", built("craco start", "craco build")],
    ["Angular", built("ng serve", "ng build")],
    ["Vue CLI", built("vue-cli-service serve", "vue-cli-service build")],
    ["Astro", built("astro dev", "astro build", ["astro"])],
    ["SvelteKit", built(null, "vite build", ["@sveltejs/adapter-static"])],
    ["Gatsby", { scripts: { build: "gatsby build", develop: "gatsby develop", start: "npm run develop" } }],
    ["Docusaurus", built("docusaurus start", "docusaurus build")],
    ["Parcel", built("parcel src/index.html", "parcel build src/index.html")],
    ["webpack", built("NODE_ENV=development webpack serve --mode development", "webpack")],
    ["webpack-dev-server", built("npx webpack-dev-server", "webpack")],
    ["VitePress", built("vitepress dev docs", "vitepress build docs")],
    ["Eleventy", built("npx @11ty/eleventy --serve", "npx @11ty/eleventy")],
    ["Ember", built("ember serve", "ember build --environment=production")],
    ["a path of the tool", built("./node_modules/.bin/vite", "vite build")],
    ["Next.js with an export", built(null, "next build", ["next"])],
    ["Nuxt with generate", built(null, "nuxt generate", ["nuxt"])],
    ["a build with no known tool", built(null, "node build.js")],
    ["heroku-postbuild", { scripts: { "heroku-postbuild": "make" } }],
  ])("an app with a build script and no server is a front end: %s", (_name, manifest) => {
    expect(decide({ manifest })).toBe(true);
  });
});

describe("an app with a server is no front end", () => {
  test.each<[string, object]>([
    ["Next.js", built("next start", "next build")],
    ["Next.js's dev server", built("next dev", "next build")],
    ["Nuxt", built("nuxt start", "nuxt build")],
    ["Nuxt's output", built("node .output/server/index.mjs", "nuxt build")],
    ["Remix", built("remix-serve build/server/index.js", "remix vite:build")],
    ["React Router", built("react-router-serve ./build/server/index.js", "react-router build")],
    ["Nest", built("nest start", "nest build")],
    ["Express", built("node server.js", "tsc")],
    ["a build before the server", built("vite build && node server.js", "vite build")],
    ["a server beside Vite", built("node server.js & vite", "vite build")],
    ["several processes", built('concurrently "vite" "node server.js"', "vite build")],
    ["serve", built("serve -s build", "react-scripts build")],
    ["a script that is missing", built("npm run dev", "vite build")],
    ["scripts that call each other", { scripts: { build: "x", start: "npm run dev", dev: "npm start" } }],
    ["no build script", { scripts: { start: "vite" } }],
  ])("an app with a server is no front end: %s", (_name, manifest) => {
    expect(decide({ manifest })).toBe(false);
  });

  test("an app with a server.js and no start script is no front end", () => {
    expect(decide({ manifest: built(null, "vite build"), files: { "server.js": "" } })).toBe(false);
  });
});

describe("files and variables decide", () => {
  const vite = built("vite", "vite build");
  const server = built("node server.js", "vite build");

  test("a web line of the Procfile makes an app a server, other lines do not", () => {
    expect(decide({ manifest: vite, files: { Procfile: "web: npm start\n" } })).toBe(false);
    expect(decide({ manifest: vite, files: { Procfile: "postdeploy: ./purge.sh\n" } })).toBe(true);
  });

  test("static.json with a root makes a front end of an app with a server, and only with a root", () => {
    expect(decide({ manifest: server, files: { "static.json": '{"root":"dist"}' } })).toBe(true);
    for (const text of ["{}", '{"root":""}', "[]", "{"])
      expect(decide({ manifest: server, files: { "static.json": text } })).toBe(false);
  });

  test("BUILDPACK_NAME=nodejs keeps Node.js for an app with a start script, and only for that", () => {
    const variables = { BUILDPACK_NAME: "nodejs" };
    expect(decide({ manifest: vite, variables })).toBe(false);
    expect(decide({ manifest: vite, files: { "static.json": '{"root":"dist"}' }, variables })).toBe(false);
    expect(decide({ manifest: built(null, "vite build"), variables })).toBe(true);
  });
});

describe("an app that renders on a server and does not start it is refused", () => {
  test.each<[string, object, string]>([
    ["Astro", built("astro dev", "astro build", ["@astrojs/node"]), "node dist/server/entry.mjs"],
    ["SvelteKit", built(null, "vite build", ["@sveltejs/adapter-node"]), "node build"],
    ["Nest", built(null, "nest build", ["@nestjs/core"]), "node dist/main"],
    ["Nuxt", built(null, "nuxt build", ["nuxt"]), "node .output/server/index.mjs"],
  ])(
    "an app that renders on a server and does not start it is refused: %s",
    async (_name, manifest, start) => {
      expect(await refusal((async () => decide({ manifest }))())).toMatch(/^build-failed: .*"start" script/);
      expect(await refusal((async () => decide({ manifest }))())).toContain(start);
    },
  );

  test("an app with an adapter for servers and a real start script is a server", () => {
    expect(decide({ manifest: built("node build", "vite build", ["@sveltejs/adapter-node"]) })).toBe(false);
  });

  test("static.json with a root serves the output of an app with an adapter for servers", () => {
    const manifest = built(null, "vite build", ["@sveltejs/adapter-node"]);
    expect(decide({ manifest, files: { "static.json": '{"root":"build"}' } })).toBe(true);
  });
});
