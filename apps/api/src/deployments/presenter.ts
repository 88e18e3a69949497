// Presents deployments.

import { durationSeconds } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import type { DeploymentBody } from "@slipway/protocol";

/** Leaves out the source: its URL may contain credentials. */
export function presentDeployment(deployment: Deployment, apiUrl: string): DeploymentBody {
  const { id, appId } = deployment;
  return {
    id,
    app_id: appId,
    created_at: deployment.createdAt.toISOString(),
    finished_at: deployment.finishedAt?.toISOString() ?? null,
    status: deployment.status,
    type: typeOf(deployment),
    git_ref: deployment.gitRef,
    previous_git_ref: deployment.previousGitRef,
    duration: durationSeconds(deployment),
    ...imageOf(deployment),
    stack_base_image: deployment.stackImage,
    postdeploy_hook: deployment.postdeployHook,
    pusher: { ...deployment.pusher },
    failure: deployment.failure === null ? null : { ...deployment.failure },
    links: { output: `${apiUrl}/v1/apps/${appId}/deployments/${id}/output` },
  };
}

function typeOf({ source: { kind } }: Deployment): DeploymentBody["type"] {
  return kind === "release" || kind === "image" ? kind : "archive";
}

/** Splits an image reference as Docker does: its first part is a registry if it looks like a host. */
function imageOf({
  image,
  imageSizeBytes,
}: Deployment): Pick<DeploymentBody, "image" | "image_size" | "registry"> {
  const [, registry, path] = /^([^/]*[.:][^/]*|localhost)\/(.+)$/.exec(image ?? "") ?? [];
  return { image: path ?? image, image_size: imageSizeBytes, registry: registry ?? null };
}
