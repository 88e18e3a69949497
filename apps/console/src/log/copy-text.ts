// Copies text to the clipboard, also on pages without TLS, where browsers have no navigator.clipboard.

/** @returns whether the text was copied. Never rejects. */
export async function copyText(text: string): Promise<boolean> {
  // The DOM's types assume a page with TLS, where the clipboard exists.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  try {
    if (clipboard !== undefined) {
      await clipboard.writeText(text);
      return true;
    }
  } catch {
    // A browser may deny a page the clipboard, but still copy the selection.
  }
  return copySelected(text);
}

function copySelected(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("aria-hidden", "true");
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  try {
    area.select();
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}
