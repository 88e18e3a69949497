import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCatalogue } from "./read-catalogue.ts";

const stacks = [{ name: "slipway-12" }, { name: "heroku-24" }];

async function read(text: string) {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-catalogue-"));
  const cataloguePath = join(folder.path, "buildpacks.toml");
  await writeFile(cataloguePath, text);
  return await readCatalogue({ build: { cataloguePath }, stacks });
}

test("the catalogue is the content of the file, and empty without one", async () => {
  const [elixir] = await read(
    '[elixir]\nurl = "https://git.test/elixir"\nstacks = ["heroku-22", "heroku-24"]\n',
  );
  expect(elixir).toMatchObject({ name: "elixir", stacks: ["heroku-22", "heroku-24"] });
  expect(await readCatalogue({ build: { cataloguePath: undefined }, stacks })).toEqual([]);
});

test("a catalogue with a bundled name or an unknown stack, and a file that is missing, end the start", async () => {
  await expect(read('[go]\nurl = "https://git.test/go"\n')).rejects.toThrow(
    "go is the name of a bundled buildpack",
  );
  await expect(read('[elixir]\nurl = "https://git.test/x"\nstacks = ["scalingo-22"]\n')).rejects.toThrow(
    "elixir needs the stack scalingo-22, and STACK_NAME and STACKS have only slipway-12, heroku-24",
  );
  const missing = readCatalogue({ build: { cataloguePath: "/does/not/exist" }, stacks });
  await expect(missing).rejects.toThrow("BUILDPACKS: /does/not/exist cannot be read (ENOENT)");
});

test("the catalogue of official buildpacks can be used as it is, on the stacks that it needs", async () => {
  const cataloguePath = new URL("../../../../ops/buildpacks.toml", import.meta.url).pathname;
  const official = [...stacks, { name: "scalingo-24" }];
  const catalogue = await readCatalogue({ build: { cataloguePath }, stacks: official });
  const scala = { name: "heroku-scala", stacks: ["heroku-24", "heroku-22"], detects: ["*.sbt"] };
  expect(catalogue).toContainEqual(expect.objectContaining(scala));
});
