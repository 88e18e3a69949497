// The languages with a bundled buildpack, in the order in which they are tried.

import type { Language } from "./language.ts";
import { nodejs, type NodePlan } from "./node/plan.ts";

/** How an app of one of the languages is built. */
export type LanguagePlan = NodePlan;

export const languages: readonly Language<LanguagePlan>[] = [nodejs];

/** Names of languages, for messages. */
export const languageTitles = Object.fromEntries(
  languages.map(({ kind, title }) => [kind, title]),
) as Readonly<Record<LanguagePlan["kind"], string>>;
