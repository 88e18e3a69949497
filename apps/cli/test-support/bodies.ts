// Valid response bodies of the API, each field of which a test may override.

import type { AppBody, DeploymentBody } from "@slipway/protocol";

const createdAt = "2026-01-01T00:00:00.000Z";

export function anAppBody(values: Partial<AppBody> = {}): AppBody {
  const name = values.name ?? "my-app";
  return {
    id: name,
    name,
    region: "local",
    owner: { id: "u", username: "ada", email: "ada@example.com" },
    project: { id: "p", name: "p" },
    status: "new",
    url: `http://${name}.localhost`,
    base_url: `http://${name}.localhost`,
    git_url: "",
    created_at: createdAt,
    updated_at: createdAt,
    last_deployed_at: null,
    last_deployment: null,
    concurrency_policy: "queue",
    builder: "auto",
    builder_image: null,
    stack_id: "slipway-1",
    flags: {},
    limits: {},
    links: { self: "", deployments: "", variables: "", deployments_stream: "" },
    ...values,
  };
}

export function aDeploymentBody(values: Partial<DeploymentBody> = {}): DeploymentBody {
  return {
    id: "d1",
    app_id: "a1",
    created_at: createdAt,
    finished_at: null,
    status: "building",
    type: "archive",
    git_ref: null,
    previous_git_ref: null,
    duration: 0,
    image: null,
    image_size: null,
    registry: null,
    stack_base_image: null,
    postdeploy_hook: null,
    pusher: { id: "u", username: "ada", email: "ada@example.com" },
    failure: null,
    links: { output: "" },
    ...values,
  };
}
