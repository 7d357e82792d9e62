/** Light or dark: as the system has it, or as the reader chose. */
import { effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";
const KEY = "bgtasks-theme";
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

export const theme = signal<Theme>(stored());
/** Moves on when colours have changed. */
export const colours = signal(0);

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.peek()) + 1) % THEMES.length]!;
  try {
    localStorage.setItem(KEY, theme.peek());
  } catch {
    // Not kept where the browser keeps nothing.
  }
}

function stored(): Theme {
  try {
    const found = localStorage.getItem(KEY) as Theme;
    return THEMES.includes(found) ? found : "auto";
  } catch {
    return "auto";
  }
}

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  colours.value = colours.peek() + 1;
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours.value += 1;
});
