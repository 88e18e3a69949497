// The settings of the destinations that the worker, builds and releases may reach.

import { type Destination, parseDestination } from "@slipway/docker";
import { z } from "zod";
import { httpUrlSetting, listSetting, settingDocs } from "@slipway/service";

const destinationsSetting = listSetting().transform((items, context) =>
  items.flatMap((item): readonly Destination[] => {
    const destination = parseDestination(item);
    if (destination !== null) return [destination];
    context.addIssue(`${item} is neither an address nor a CIDR range, with an optional port: 10.1.2.3:5432`);
    return [];
  }),
);

export const networkSettings = z.object({
  ALLOWED_PRIVATE_HOSTS: listSetting().register(settingDocs, {
    topic: "access",
    description:
      "Hosts that source and webhook URLs may name although they are not on the public internet: `host`, `host:port`, address or CIDR range, separated by blanks or commas.",
  }),
  EGRESS: z.enum(["guarded", "open"]).default("guarded").register(settingDocs, {
    topic: "access",
    description:
      "`guarded`: builds, hooks and releases reach the public internet and `EGRESS_ALLOW` only, and a worker starts only if that is so. `open`: they reach whatever their engine's host reaches.",
  }),
  EGRESS_ALLOW: destinationsSetting.register(settingDocs, {
    topic: "access",
    description:
      "What builds, hooks and releases reach besides the public internet: addresses and CIDR ranges, each with an optional port (`10.1.2.0/24`, `10.1.2.3:5432`, `[fd00::1]:443`), separated by blanks or commas. The same for all workers.",
  }),
  GITHUB_API_URL: httpUrlSetting()
    .default("https://api.github.com")
    .transform((url) => url.replace(/\/+$/, ""))
    .register(settingDocs, {
      topic: "services",
      description: "API that commit statuses are sent to; set it for GitHub Enterprise.",
    }),
});

/** The destinations that the worker, builds and releases may reach. */
export function networkConfig(parsed: z.output<typeof networkSettings>) {
  return {
    egress: { guarded: parsed.EGRESS === "guarded", open: parsed.EGRESS_ALLOW },
    allowedPrivateHosts: parsed.ALLOWED_PRIVATE_HOSTS,
    githubApiUrl: parsed.GITHUB_API_URL,
  };
}
