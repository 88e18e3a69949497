import { expect, test } from "vitest";
import { bundledBuildpacks } from "./bundled.ts";

test("the uploaded tree contains the runner and each buildpack, with executable scripts, folders first", async () => {
  const bundled = bundledBuildpacks();
  const entries = await Array.fromAsync(bundled.entries());
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  expect(bundled.names).toEqual(["inline", "php", "ruby", "nodejs", "python", "go", "static"]);
  expect(byName.get("runner/build")).toMatchObject({ mode: 0o755 });
  expect(byName.get("runner/protected-names")?.mode).toBe(0o644);
  for (const name of bundled.names) {
    for (const script of ["detect", "compile", "release"]) {
      expect(byName.get(`buildpacks/${name}/bin/${script}`)).toMatchObject({ mode: 0o755, kind: "file" });
    }
    expect(byName.get(`buildpacks/${name}/looks-for`)?.content.length).toBeGreaterThan(0);
  }
  const seen = new Set<string>();
  for (const { name } of entries) {
    const parent = name.replace(/[^/]+\/?$/, "");
    expect(parent === "" || seen.has(parent)).toBe(true);
    expect(seen.has(name)).toBe(false);
    seen.add(name);
  }
});
