// The choice of light or dark, kept in the browser. By default the system decides.

import { useEffect, useState } from "react";

const key = "slipway-theme";
const themes = ["system", "light", "dark"] as const;
type Theme = (typeof themes)[number];

export function ThemeChoice() {
  const [theme, setTheme] = useState<Theme>(
    () => themes.find((name) => name === localStorage.getItem(key)) ?? "system",
  );
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    localStorage.setItem(key, theme);
  }, [theme]);
  return (
    <select
      className="theme"
      aria-label="Colors"
      value={theme}
      onChange={({ target }) => setTheme(themes.find((name) => name === target.value) ?? "system")}
    >
      {themes.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
