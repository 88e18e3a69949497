import { expect, test } from "vitest";
import { processTypesOf, requireWeb, typesNotStarted } from "./process-types.ts";

const release = { configVars: {}, defaultProcessTypes: { web: "npm start", release: "x" } };

test("a Procfile wins over the defaults, type by type", () => {
  expect(processTypesOf({ procfile: "web: mine\nworker: w\noops", release })).toEqual({
    processTypes: { web: "mine", worker: "w", release: "x" },
    problems: ['Procfile line 3: it is not of the form "type: command"'],
  });
  expect(processTypesOf({ procfile: "postdeploy: migrate", release }).processTypes["web"]).toBe("npm start");
  expect(processTypesOf({ procfile: null, release }).processTypes).toEqual(release.defaultProcessTypes);
});

test("web is required, and the message says what there is", () => {
  expect(requireWeb({ web: "npm start" })).toBe("npm start");
  expect(() => requireWeb({ worker: "w" })).toThrow(
    expect.objectContaining({ code: "no-web-process", message: expect.stringContaining("only worker") }),
  );
  expect(() => requireWeb({})).toThrow(/no web process\. Add a Procfile/);
});

test("what is neither web nor postdeploy is not started", () => {
  expect(typesNotStarted({ worker: "w", web: "x", postdeploy: "y", clock: "c" })).toEqual([
    "worker",
    "clock",
  ]);
  expect(typesNotStarted({ web: "x", postdeploy: "y" })).toEqual([]);
});
