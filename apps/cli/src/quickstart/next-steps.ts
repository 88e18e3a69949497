// The text that the quickstart prints at its end.

export interface NextSteps {
  apiUrl: string;
  appUrl: string;
  appName: string;
  /** A shell command that prints the admin token. */
  tokenSource: string;
  /** The folder of the apps' logs; undefined when another command started the apps. */
  logFolder?: string;
}

/** Composes the text. */
export function nextSteps({ apiUrl, appUrl, appName, tokenSource, logFolder }: NextSteps): string {
  return `
Try next

  The app         ${appUrl}
  The console     ${apiUrl} (log in with the admin token)
  The API         ${apiUrl}/docs
  The queues      ${apiUrl}/queues (the password is the admin token)
  Admin token     ${tokenSource}${logFolder === undefined ? "" : `\n  Logs            ${logFolder}`}

  Deploy your own app with the command slipway (docs/cli.md)

    ${tokenSource} | npm run slipway -- login ${apiUrl}
    npm run slipway -- deploy ../my-app --create

  Or with curl: an archive of one folder, as created by git archive --prefix=app/

    api=${apiUrl}/v1 json='Content-Type: application/json'
    auth="Authorization: Bearer $(curl -s -u ":$(${tokenSource})" -H "$json" -d '{}' $api/tokens/exchange | jq -r .token)"
    source=$(curl -s -H "$auth" -H "$json" -d '{}' $api/sources | jq .source)
    curl -T app.tar.gz -H 'Content-Type: application/x-gzip' "$(jq -r .upload_url <<<"$source")"
    curl -s -H "$auth" -H "$json" $api/apps/${appName}/deployments \\
      -d "$(jq '{deployment: {source_url: .download_url}}' <<<"$source")"

  Or with the scalingo command line

    SCALINGO_AUTH_URL=${apiUrl} SCALINGO_API_TOKEN=$(${tokenSource}) scalingo -a ${appName} deploy app.tar.gz v1
`;
}
