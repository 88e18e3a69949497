// Apps in Go: with a module from the module proxy, with C, and with mistakes, compiled by the toolchain that go.mod names.

import { expect, test, vi } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { call, createApp, logOf, page } from "./slipway.ts";

// The first one makes the toolchain's layer and compiles the standard library.
vi.setConfig({ testTimeout: 400_000 });

type Files = Readonly<Record<string, string>>;

function packed(files: Files): Promise<Buffer> {
  return packTarGz(
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`app/${name}`, content])),
  );
}

const mod = (lines = "") => `module example.com/shop\n\ngo 1.24\n${lines}`;
const withModule = {
  "go.mod": mod("\nrequire github.com/google/uuid v1.6.0\n"),
  "go.sum": `github.com/google/uuid v1.6.0 h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=
github.com/google/uuid v1.6.0/go.mod h1:TIyPZe4MgqvfeYDBFedMoGGpEw/LqOeaOT+nhxU+yHo=
`,
  "public/greeting.txt": "hello",
  ".slugignore": "*.go\n",
};
const server = (imports: readonly string[], declarations: string, body: string) => `package main

import (
	"fmt"
	"net/http"
	"os"
${imports.map((path) => `	"${path}"\n`).join("")})

${declarations}

func page(response http.ResponseWriter, request *http.Request) {
${body}}

func main() {
	http.HandleFunc("/", page)
	fmt.Println(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
`;
const answer = (text: string) => `	greeting, _ := os.ReadFile("public/greeting.txt")
	_, source := os.Stat("main.go")
	_, toolchain := os.Stat("/opt/slipway/go")
	id := uuid.NewSHA1(uuid.NameSpaceDNS, []byte("example.com"))
	fmt.Fprint(response, "${text} ", string(greeting), " ", os.IsNotExist(source), os.IsNotExist(toolchain), " ", id)
`;

test.concurrent("a module of the proxy is compiled in, and a second deployment compiles from the cache", async () => {
  const { name } = await createApp("go");
  const app = (text: string) =>
    packed({ ...withModule, "main.go": server(["github.com/google/uuid"], "", answer(text)) });
  const first = await logOf(name, await app("first"), "success");
  expect(first).toMatch(/Using Go 1\.24\.\d+\n.*the go line of go\.mod names 1\.24\n/);
  expect(first).not.toContain("is not checked");
  expect(first).toContain("go: downloading github.com/google/uuid v1.6.0");
  expect(await page(name)).toBe("first hello true true cfbff0d1-9375-5685-968c-48ce8b15ae17");

  const second = await logOf(name, await app("second"), "success");
  expect(second).toContain("Compiling example.com/shop");
  expect(second).not.toContain("go: downloading");
  expect(await page(name)).toBe("second hello true true cfbff0d1-9375-5685-968c-48ce8b15ae17");
});

const withC = `// int answer() { return 42; }
import "C"

var version string`;

test.concurrent("an app with C and several programs starts the one called web, with the linker's variables", async () => {
  const { name } = await createApp("go");
  await call("PUT", `/v1/apps/${name}/variables`, {
    variables: [
      { name: "GO_LINKER_SYMBOL", value: "main.version" },
      { name: "GO_LINKER_VALUE", value: "four 2" },
    ],
  });
  const files = {
    "go.mod": mod(),
    "cmd/migrate/main.go": 'package main\n\nfunc main() { println("migrated") }\n',
    "cmd/web/main.go": server(
      ["os/exec"],
      withC,
      `	out, err := exec.Command("migrate").CombinedOutput()
	fmt.Fprint(response, C.answer(), " ", version, " ", string(out), err)
`,
    ),
  };
  const log = await logOf(name, await packed(files), "success");
  expect(log).toContain("Compiling example.com/shop/cmd/migrate example.com/shop/cmd/web");
  expect(await page(name)).toBe("42 four 2 migrated\n<nil>");
});

test.concurrent("mistakes of the app fail the build with what to change", async () => {
  const { name } = await createApp("go");
  const failing = async (files: Files) => await logOf(name, await packed(files), "build-error");
  expect(
    await failing({ "go.mod": mod().replace("1.24", "1.24.99"), "main.go": "package main\n" }),
  ).toContain("There is no Go 1.24.99 (the go line of go.mod).");
  const library = { "go.mod": mod(), "shop.go": "package shop\n" };
  expect(await failing(library)).toContain("The module example.com/shop has no program");
  const program = "package main\n\nfunc main() {}\n";
  const several = { "go.mod": mod(), "cmd/one/main.go": program, "cmd/two/main.go": program };
  expect(await failing(several)).toContain(
    "The app has 2 programs (one two), and none of them is called shop or web.",
  );
  const unlisted = {
    ...withModule,
    "go.sum": "",
    "main.go": 'package main\n\nimport _ "github.com/google/uuid"\n\nfunc main() {}\n',
  };
  expect(await failing(unlisted)).toContain("Run: go mod tidy");
});
