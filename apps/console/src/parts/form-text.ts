// Reads a text field of a form.

/** @returns the field's text; empty if the form has no such text field. */
export function formText(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === "string" ? value : "";
}
