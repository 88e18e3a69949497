// Copies text to the clipboard, also on pages without TLS, where browsers have no navigator.clipboard.

/** @returns whether the text was copied. Never rejects. */
export async function copyText(text: string): Promise<boolean> {
  // The types know only pages with TLS.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  try {
    if (clipboard !== undefined) {
      await clipboard.writeText(text);
      return true;
    }
  } catch {
    // A browser may refuse the clipboard to a page, and still copy what is selected.
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
