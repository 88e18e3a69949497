import { expect, test } from "vitest";
import { judgeRequest } from "./registry-rules.ts";

const rules = { repository: "apps/one", tag: "deployment", readable: ["slipway/stack"] };
const digest = `sha256:${"0".repeat(64)}`;
const upload = "/v2/apps/one/blobs/uploads/";

test.each([
  ["GET", "/v2/", "ping"],
  ["GET", "/v2/apps/one/tags/list", "read"],
  ["HEAD", `/v2/apps/one/manifests/${digest}`, "read"],
  ["GET", `/v2/slipway/stack/blobs/${digest}`, "read"],
  ["POST", upload, "open"],
  ["HEAD", `/v2/slipway/stack/blobs/${digest}`, "read"],
  ["GET", `/v2/apps/one/blobs/${digest}`, "read"],
  ["HEAD", `/v2/apps/one/blobs/${digest}`, "write"],
  ["POST", `${upload}?mount=${digest}&from=slipway/stack`, "write"],
  ["POST", `${upload}?mount=${digest}&from=apps/one`, "write"],
  ["DELETE", `${upload}1-2?_state=x`, "open"],
  ["PATCH", `${upload}1-2?_state=x`, "write"],
  ["PUT", `${upload}1-2?_state=x&digest=${digest}`, "write"],
  ["PUT", "/v2/apps/one/manifests/deployment", "write"],
])("%s %s may be sent, as %s", (method, target, access) => {
  expect(judgeRequest(rules, { method, target })).toEqual({ access, target });
});

test.each([
  ["GET", "/v2/_catalog"],
  ["GET", "/v2/apps/two/tags/list"],
  ["GET", "/v2/apps/one/dependencies/tags/list"],
  ["GET", "/v2/apps/one/../two/tags/list"],
  ["GET", "/v2/apps/one/%2e%2e/two/tags/list"],
  ["GET", "/v2/apps%2ftwo/tags/list"],
  ["GET", "/v2/slipway/stack/manifests/..%2f..%2fapps"],
  ["GET", "//elsewhere/v2/apps/one/tags/list"],
  ["GET", "http://elsewhere/v2/apps/one/tags/list"],
  ["GET", "/debug/vars"],
  ["POST", `${upload}?mount=${digest}&from=apps/two`],
  ["POST", `${upload}?mount=${digest}&from=apps/one&from=apps/two`],
  ["POST", "/v2/slipway/stack/blobs/uploads/"],
  ["PUT", "/v2/apps/one/manifests/other"],
  // The image would have no tag. Images are found by their tags when they are removed.
  ["PUT", `/v2/apps/one/manifests/${digest}`],
  ["DELETE", `/v2/apps/one/manifests/${digest}`],
  ["DELETE", `/v2/apps/one/blobs/${digest}`],
  ["PUT", "/v2/"],
])("%s %s is refused", (method, target) => {
  expect(judgeRequest(rules, { method, target }).access).toBe("refused");
});
