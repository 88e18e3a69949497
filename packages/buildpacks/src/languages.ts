// The languages with a bundled buildpack, in the order in which they are tried.

import type { Language, LanguageFacts } from "./language.ts";
import { go, type GoPlan } from "./go/plan.ts";
import { php, type PhpPlan } from "./php/plan.ts";
import { nodejs, type NodePlan } from "./node/plan.ts";
import { ruby, type RubyPlan } from "./ruby/plan.ts";
import { python, type PythonPlan } from "./python/plan.ts";

/** How an app of one of the languages is built. */
export type LanguagePlan = NodePlan | PythonPlan | GoPlan | PhpPlan | RubyPlan;

type AnyLanguage = Language<LanguageFacts & LanguagePlan>;

export const languages: readonly AnyLanguage[] = [php, ruby, nodejs, python, go];

/** Names of languages, for messages. */
export const languageTitles = Object.fromEntries(
  languages.map(({ kind, title }) => [kind, title]),
) as Readonly<Record<LanguagePlan["kind"], string>>;
