// What the quickstart tells its user to try next.

export interface NextSteps {
  apiUrl: string;
  appUrl: string;
  appName: string;
  /** What a shell reads the admin token from. */
  tokenSource: string;
  /** Where the apps write their logs; undefined when they run elsewhere. */
  logFolder?: string;
}

/** The text, ready to print. */
export function nextSteps({ apiUrl, appUrl, appName, tokenSource, logFolder }: NextSteps): string {
  return `
Try next

  The app         ${appUrl}
  The API         ${apiUrl}/docs
  The queues      ${apiUrl}/queues (the password is the admin token)
  Admin token     ${tokenSource}${logFolder === undefined ? "" : `\n  Logs            ${logFolder}`}

  Deploy your own by curl: an archive of one folder, the way git archive --prefix=app/ makes it

    api=${apiUrl}/v1 json='Content-Type: application/json'
    auth="Authorization: Bearer $(curl -s -u ":$(${tokenSource})" -H "$json" -d '{}' $api/tokens/exchange | jq -r .token)"
    source=$(curl -s -H "$auth" -H "$json" -d '{}' $api/sources | jq .source)
    curl -T app.tar.gz -H 'Content-Type: application/x-gzip' "$(jq -r .upload_url <<<"$source")"
    curl -s -H "$auth" -H "$json" $api/apps/${appName}/deployments \\
      -d "$(jq '{deployment: {source_url: .download_url}}' <<<"$source")"

  Or by the scalingo command line

    SCALINGO_AUTH_URL=${apiUrl} SCALINGO_API_TOKEN=$(${tokenSource}) scalingo -a ${appName} deploy app.tar.gz v1
`;
}
