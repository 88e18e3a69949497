// Every migration, in order. One that was released is never edited: its checksum is in the databases it made.

import { initial } from "./001-initial.ts";
import { rollouts } from "./002-rollouts.ts";
import { access } from "./003-access.ts";
import { concurrencyPolicy } from "./004-concurrency-policy.ts";
import { operations } from "./005-operations.ts";
import { notifiers } from "./006-notifiers.ts";
import { postdeployHook } from "./007-postdeploy-hook.ts";
import { tokenParents } from "./008-token-parents.ts";
import { sourcesOfOwner } from "./009-sources-of-owner.ts";
import { appBuilder } from "./010-app-builder.ts";
import { timelines } from "./011-timelines.ts";
import { imageStart } from "./012-image-start.ts";
import { receipts } from "./013-receipts.ts";
import { variableScope } from "./014-variable-scope.ts";
import { removedDeployments } from "./015-removed-deployments.ts";
import { builderImage } from "./016-builder-image.ts";
import { appStack } from "./017-app-stack.ts";
import { sourceImage } from "./018-source-image.ts";
import { unsealedDeployments } from "./019-unsealed-deployments.ts";
import { endedDeployments } from "./020-ended-deployments.ts";

export interface Migration {
  /** From 1, without gaps. */
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

export const migrations: readonly Migration[] = [
  { number: 1, name: "initial", sql: initial },
  { number: 2, name: "rollouts", sql: rollouts },
  { number: 3, name: "access", sql: access },
  { number: 4, name: "concurrency policy", sql: concurrencyPolicy },
  { number: 5, name: "operations", sql: operations },
  { number: 6, name: "notifiers", sql: notifiers },
  { number: 7, name: "postdeploy hook", sql: postdeployHook },
  { number: 8, name: "token parents", sql: tokenParents },
  { number: 9, name: "sources of owner", sql: sourcesOfOwner },
  { number: 10, name: "app builder", sql: appBuilder },
  { number: 11, name: "timelines", sql: timelines },
  { number: 12, name: "image start", sql: imageStart },
  { number: 13, name: "receipts", sql: receipts },
  { number: 14, name: "variable scope", sql: variableScope },
  { number: 15, name: "removed deployments", sql: removedDeployments },
  { number: 16, name: "builder image", sql: builderImage },
  { number: 17, name: "app stack", sql: appStack },
  { number: 18, name: "source image", sql: sourceImage },
  { number: 19, name: "unsealed deployments", sql: unsealedDeployments },
  { number: 20, name: "ended deployments", sql: endedDeployments },
];
