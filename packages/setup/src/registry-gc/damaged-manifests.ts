// Removes damage that a full disk left in a registry: `garbage-collect` fails at an empty link or a truncated manifest, and a push of the
// same manifest does not rewrite it, because the registry considers it present.

import { SetupError } from "../setup-error.ts";
import type { RegistryHost } from "./collector.ts";

/**
 * Prints the folders that it removes. POSIX shell only, because registry images have no bash. An empty tag is removed with its folder,
 * since it would still be listed otherwise. A manifest whose content differs from its digest loses its links, so that the collection
 * deletes it. A manifest that cannot be read, as on a broken disk, is left in place.
 */
const script = `cd "$1/docker/registry/v2/repositories" 2>/dev/null || exit 0
export LC_ALL=C
remove() { rm -r "$1" && echo "$1"; }
find . -path '*/_manifests/*' -name link -size 0c | while read -r link; do
  case $link in
    */current/link) remove "\${link%/current/link}" ;;
    *) remove "\${link%/link}" ;;
  esac
done
find . -path '*/_manifests/revisions/sha256/*' -name link | while read -r link; do
  digest=\${link%/link}
  digest=\${digest##*/}
  echo "$digest  ../blobs/sha256/\${digest%"\${digest#??}"}/$digest/data"
done | sort -u | sha256sum -c 2>/dev/null | sed -n 's|: FAILED$||p' | while read -r data; do
  cat "$data" >/dev/null 2>&1 || continue
  digest=\${data%/data}
  find . -path "*/_manifests/revisions/sha256/\${digest##*/}/link" | while read -r link; do
    remove "\${link%/link}"
  done
done`;

/**
 * Call it only while writes are held: a manifest that is being written would look damaged.
 * @returns the removed folders, relative to the folder of repositories. @throws {SetupError} when one cannot be removed.
 */
export async function removeDamagedManifests(host: RegistryHost): Promise<readonly string[]> {
  const running = await host.run(script, [host.storage]);
  running.input.end();
  const removed: string[] = [];
  for await (const line of running.lines) removed.push(line.replace(/^\.\//, ""));
  const { errors } = await running.ended;
  if (errors !== "")
    throw new SetupError(
      `Files of ${host.name} that a full disk damaged cannot be removed: ${errors.trim()}\nRemove them, then repeat the command.`,
    );
  return removed;
}
