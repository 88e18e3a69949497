// What the store promises about an app's variables.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { aVariable } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

export function variablesContract(underTest: StoreUnderTest): void {
  storedVariables(underTest);
  separateVariables(underTest);
}

function storedVariables({ store }: StoreUnderTest): void {
  describe("variables", () => {
    test("variables are returned in the order given, and listed by name", async () => {
      const appId = randomUUID();
      const given = ["PORTS", "A_KEY", "_x", "Zed"].map((name) =>
        aVariable({ appId, name, value: `of ${name}` }),
      );
      expect(await store().variables.set(appId, given)).toEqual(given);
      const names = (await store().variables.list(appId)).map((variable) => variable.name);
      expect(names).toEqual(["A_KEY", "PORTS", "Zed", "_x"]);
      expect(await store().variables.list(randomUUID())).toEqual([]);
    });

    test("a variable keeps its id when it is set again", async () => {
      const appId = randomUUID();
      const first = aVariable({ appId });
      await store().variables.set(appId, [first]);
      const again = aVariable({ appId, value: "bonjour" });
      const stored = { ...first, value: "bonjour" };
      const added = aVariable({ appId, name: "OTHER" });
      expect(await store().variables.set(appId, [added, again])).toEqual([added, stored]);
      expect(await store().variables.get(appId, first.id)).toEqual(stored);
      expect(await store().variables.get(appId, again.id)).toBeNull();
      expect(await store().variables.list(appId)).toEqual([stored, added]);
    });

    test("a variable has the scope that it was set with last", async () => {
      const appId = randomUUID();
      const variable = aVariable({ appId, scope: "build" });
      await store().variables.set(appId, [variable]);
      expect(await store().variables.list(appId)).toEqual([variable]);
      await store().variables.set(appId, [{ ...variable, scope: "run" }]);
      expect(await store().variables.get(appId, variable.id)).toEqual({ ...variable, scope: "run" });
    });

    test("a variable keeps any text", async () => {
      const appId = randomUUID();
      const values = [
        "",
        " spaces ",
        "zwei\nZeilen\r\n",
        "🚢 東京 é é",
        "x".repeat(8 * 1024),
        "$where {a.b}",
      ];
      const given = values.map((value, index) => aVariable({ appId, name: `V${index}`, value }));
      await store().variables.set(appId, given);
      expect(await store().variables.list(appId)).toEqual(given);
    });
  });
}

function separateVariables({ store, other }: StoreUnderTest): void {
  describe("variables of several apps and calls", () => {
    test("a variable belongs to its app only", async () => {
      const [mine, theirs] = [aVariable(), aVariable()];
      for (const variable of [mine, theirs]) await store().variables.set(variable.appId, [variable]);
      expect(await store().variables.get(theirs.appId, mine.id)).toBeNull();
      expect(await store().variables.delete(theirs.appId, [mine.id])).toBe(0);
      await store().variables.removeOfApp(theirs.appId);
      expect(await store().variables.list(mine.appId)).toEqual([mine]);
      expect(await store().variables.list(theirs.appId)).toEqual([]);
    });

    test("variables are deleted by id, and those that existed are counted", async () => {
      const appId = randomUUID();
      const given = ["A", "B", "C"].map((name) => aVariable({ appId, name }));
      await store().variables.set(appId, given);
      const [a, b, c] = given.map((variable) => variable.id);
      expect(await store().variables.delete(appId, [a ?? "", c ?? "", randomUUID()])).toBe(2);
      expect(await store().variables.delete(appId, [])).toBe(0);
      expect((await store().variables.list(appId)).map((variable) => variable.id)).toEqual([b]);
    });

    test("concurrent sets of one name store one variable", async () => {
      const appId = randomUUID();
      const sets = Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? store() : other()).variables.set(appId, [
          aVariable({ appId, value: String(index) }),
        ]),
      );
      const ids = (await Promise.all(sets)).flat().map((variable) => variable.id);
      expect(new Set(ids).size).toBe(1);
      expect(await store().variables.list(appId)).toHaveLength(1);
    });
  });
}
