import { expect, test } from "vitest";
import { z } from "zod";
import { settingDocs } from "@slipway/service";
import { allVariables } from "./variables.ts";

const doc = { topic: "queue", description: "Something." } as const;
const count = (fallback: number) => z.coerce.number().int().min(2).max(9).default(fallback);

test("a variable has the default, the bounds and the description of its schema, and all its readers", () => {
  const shared = z.object({
    COUNT: count(3)
      .transform((value) => value * 2)
      .register(settingDocs, doc),
  });
  const [variable] = allVariables({ api: shared, worker: shared });
  expect(variable).toEqual({
    name: "COUNT",
    doc,
    fallback: "3",
    required: false,
    bounds: ["At least 2.", "At most 9."],
    readers: ["api", "worker"],
  });
});

test("one of a variable's schemas describes it; a process that requires it makes it required", () => {
  const api = z.object({ URL: z.url().register(settingDocs, doc) });
  const commands = z.object({ URL: z.string().optional() });
  expect(allVariables({ api, commands })).toMatchObject([{ doc, required: true, fallback: undefined }]);
});

test("allowed values are listed", () => {
  const api = z.object({ LEVEL: z.enum(["low", "high"]).default("low").register(settingDocs, doc) });
  expect(allVariables({ api })[0]?.bounds).toEqual(["One of `low`, `high`."]);
});

test("a variable that no schema describes is an error", () => {
  expect(() => allVariables({ api: z.object({ BARE: z.string() }) })).toThrow(/No schema describes BARE/);
});

test("schemas that contradict each other are an error", () => {
  const one = z.object({ COUNT: count(3).register(settingDocs, doc) });
  expect(() => allVariables({ api: one, worker: z.object({ COUNT: count(4) }) })).toThrow(
    /different default values of COUNT/,
  );
  const other = count(3).register(settingDocs, { ...doc, description: "Something else." });
  expect(() => allVariables({ api: one, worker: z.object({ COUNT: other }) })).toThrow(
    /different descriptions of COUNT/,
  );
});

test("one schema for two variables is an error, since it has one description", () => {
  const shared = z.string().register(settingDocs, doc);
  expect(() => allVariables({ api: z.object({ ONE: shared, TWO: shared }) })).toThrow(
    /ONE and TWO have one description/,
  );
});
