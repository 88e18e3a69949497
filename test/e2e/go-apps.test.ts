// Apps in Go: with a module from the module proxy, with C, and with mistakes, compiled by the toolchain that go.mod names.

import { expect, test, vi } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { call, createApp, logOf, page } from "./slipway.ts";

// The first app creates the toolchain's layer.
vi.setConfig({ testTimeout: 400_000 });

type Files = Readonly<Record<string, string>>;

function packed(files: Files): Promise<Buffer> {
  return packTarGz(
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`app/${name}`, content])),
  );
}

const mod = (lines = "") => `module example.com/shop\n\ngo 1.24\n${lines}`;
const withModule = {
  "go.mod": mod(`
require github.com/kballard/go-shellquote v0.0.0-20180428030007-95032a82bc51
`),
  "go.sum": `github.com/kballard/go-shellquote v0.0.0-20180428030007-95032a82bc51 h1:Z9n2FFNUXsshfwJMBgNA0RU6/i7WVaAegv3PtuIHPMs=
github.com/kballard/go-shellquote v0.0.0-20180428030007-95032a82bc51/go.mod h1:CzGEWj7cYgsdH8dAjBGEr58BoE7ScuLd+fwFZ44+/x8=
`,
  "public/greeting.txt": "hello",
  ".slugignore": "*.go\n",
};
/** A server without net/http, whose compilation would take most of the time. @param respond statements that set `body`. */
const server = (imports: readonly string[], declarations: string, respond: string) => `package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
${imports.map((path) => `	"${path}"\n`).join("")})

${declarations}

func serve(connection net.Conn) {
	request := bufio.NewReader(connection)
	for {
		line, err := request.ReadString('\\n')
		if err != nil || strings.TrimSpace(line) == "" {
			break
		}
	}
	body := ""
${respond}	fmt.Fprintf(connection, "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s", len(body), body)
	connection.Close()
}

func main() {
	listener, err := net.Listen("tcp", ":"+os.Getenv("PORT"))
	for err == nil {
		var connection net.Conn
		if connection, err = listener.Accept(); err == nil {
			go serve(connection)
		}
	}
	panic(err)
}
`;
const answer = (text: string) => `	greeting, _ := os.ReadFile("public/greeting.txt")
	_, source := os.Stat("main.go")
	_, toolchain := os.Stat("/opt/slipway/go")
	body = fmt.Sprint("${text} ", string(greeting), " ", os.IsNotExist(source), os.IsNotExist(toolchain), " ", shellquote.Join("a b"))
`;

test.concurrent("without cgo, a module of the proxy is compiled in, and a second deployment compiles from the cache", async () => {
  const { name } = await createApp("go");
  await call("PUT", `/v1/apps/${name}/variables`, { variables: [{ name: "CGO_ENABLED", value: "0" }] });
  const app = (text: string) =>
    packed({ ...withModule, "main.go": server(["github.com/kballard/go-shellquote"], "", answer(text)) });
  const first = await logOf(name, await app("first"), "success");
  expect(first).toMatch(/Using Go 1\.24\.\d+\n.*the go line of go\.mod names 1\.24\n/);
  expect(first).not.toContain("is not checked");
  expect(first).toContain("go: downloading github.com/kballard/go-shellquote");
  expect(await page(name)).toBe("first hello true true 'a b'");

  const second = await logOf(name, await app("second"), "success");
  expect(second).toContain("Compiling example.com/shop");
  expect(second).not.toContain("go: downloading");
  expect(await page(name)).toBe("second hello true true 'a b'");
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
	body = fmt.Sprint(C.answer(), " ", version, " ", string(out), err)
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
    "main.go": 'package main\n\nimport _ "github.com/kballard/go-shellquote"\n\nfunc main() {}\n',
  };
  expect(await failing(unlisted)).toContain("Run: go mod tidy");
});
