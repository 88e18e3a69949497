// The state of a deployment or an app: a word with a mark, never a color alone.

const looks: Readonly<Record<string, { readonly look: string; readonly mark: string }>> = {
  queued: { look: "waiting", mark: "◷" },
  building: { look: "running", mark: "●" },
  pushing: { look: "running", mark: "●" },
  starting: { look: "running", mark: "●" },
  success: { look: "good", mark: "✓" },
  running: { look: "good", mark: "✓" },
  ready: { look: "good", mark: "✓" },
  delivered: { look: "good", mark: "✓" },
  aborted: { look: "off", mark: "⊘" },
  new: { look: "off", mark: "○" },
  stopped: { look: "off", mark: "■" },
  draining: { look: "waiting", mark: "◷" },
  pending: { look: "waiting", mark: "◷" },
  restarting: { look: "running", mark: "●" },
  scaling: { look: "running", mark: "●" },
};
const failed = { look: "bad", mark: "✕" };
const words: Readonly<Record<string, string>> = {
  "build-error": "build failed",
  "crashed-error": "crashed",
  "timeout-error": "timed out",
  "hook-error": "hook failed",
};

export function Status({ status }: { readonly status: string }) {
  const { look, mark } = looks[status] ?? failed;
  return (
    <span className={`status ${look}`}>
      <span aria-hidden="true">{mark}</span> {words[status] ?? status}
    </span>
  );
}
