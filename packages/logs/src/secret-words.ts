// Judges by its content whether a text is a secret: configuration words are not, random tokens and known formats are.

/** Words of which the values of ordinary variables, and hence ordinary log lines, consist. */
const commonWords = `
account admin administrator amazon anonymous api app application azure backend baz bar boolean build builder client cloud cluster config
custom database db debug default demo deploy dev develop development disable disabled docker dummy enable enabled env environment error
example express external fake false foo front frontend github gitlab google guest heroku host info internal latest local localhost main
master mock mongo mongodb mysql network node nodejs none null number object off optional placeholder port postgres postgresql preview
prod production public rabbitmq rails redis region release remote required root runner runtime sample scalingo server service session
site slipway sqlite staging standard stage string system test testing true undefined unknown unset user username verbose warn warning
web website worker world`;
/** Words that are common alone; values composed of them may be a secret. */
const commonAlone =
  "authorization basic bearer changeme credentials passphrase password private replaceme secret token welcome";

const anyOf = (words: string) => `(?:${words.trim().split(/\s+/).join("|")})`;
/** A common word, or several joined by punctuation or by nothing, with at most four digits at the end. */
const ordinaryText = new RegExp(
  `^(?:${anyOf(commonAlone)}|(?:${anyOf(commonWords)}[-_.:/ ]?){1,6}\\d{0,4})$`,
  "i",
);

/** Private keys, JWTs, and tokens whose issuers gave them a recognizable format. */
const knownFormat =
  /^(?:gh[oprsu]_|github_pat_|glpat-|sk_(?:live|test)_|rk_live_|sk-|xox[abeoprs]-|npm_|pypi-|dop_v1_|hf_|tk-us-|SG\.|AKIA|ASIA|AIza|eyJ[\w-]+\.eyJ)[\w.-]{8,}|^-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const minRandomChars = 16;
/** In random text, digits, capitals and small letters alternate more often than in words and numbers. */
const minChangeShare = 0.2;

/** Whether the text consists of common words, such as `production` or `localhost`. */
export function isOrdinary(text: string): boolean {
  return text.length <= 64 && ordinaryText.test(text);
}

/** Whether an issuer's prefix marks the text as a token, or it is a private key. */
export function hasSecretFormat(text: string): boolean {
  return knownFormat.test(text);
}

/** Whether the text looks like a secret by itself, regardless of its variable or line. */
export function isSecretLike(text: string): boolean {
  if (hasSecretFormat(text) || uuid.test(text)) return true;
  return text.split(/[^A-Za-z0-9]+/).some((run) => run.length >= minRandomChars && looksRandom(run));
}

function looksRandom(run: string): boolean {
  if (!/\d.*\d/.test(run) || !/[A-Za-z]/.test(run)) return false;
  // A capital at the beginning of a word counts once.
  const changes = run.match(/[a-z](?=[A-Z0-9])|[A-Z](?=\d)|\d(?=[A-Za-z])/g)?.length ?? 0;
  return changes >= run.length * minChangeShare;
}
