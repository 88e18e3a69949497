import { expect, test } from "vitest";
import { processTypesOf, requireWeb, typesNotStarted } from "./process-types.ts";

const release = { configVars: {}, defaultProcessTypes: { web: "npm start", release: "x" } };

test("each type of a Procfile overrides the default with the same name", () => {
  expect(processTypesOf({ procfile: "web: mine\nworker: w\noops", release })).toEqual({
    processTypes: { web: "mine", worker: "w", release: "x" },
    problems: ['Procfile line 3: the line must have the form "type: command"'],
  });
  expect(processTypesOf({ procfile: "postdeploy: migrate", release }).processTypes["web"]).toBe("npm start");
  expect(processTypesOf({ procfile: null, release }).processTypes).toEqual(release.defaultProcessTypes);
});

test("web is required, and the error lists the existing types", () => {
  expect(requireWeb({ web: "npm start" })).toBe("npm start");
  expect(() => requireWeb({ worker: "w" })).toThrow(
    expect.objectContaining({ code: "no-web-process", message: expect.stringContaining("only worker") }),
  );
  expect(() => requireWeb({})).toThrow(/no web process\. Add a Procfile/);
});

test("types other than web and postdeploy are not started", () => {
  expect(typesNotStarted({ worker: "w", web: "x", postdeploy: "y", clock: "c" })).toEqual([
    "worker",
    "clock",
  ]);
  expect(typesNotStarted({ web: "x", postdeploy: "y" })).toEqual([]);
});
