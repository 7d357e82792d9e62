/** The bearer token of this tab, where the application wants one. */
import { signal } from "@preact/signals";

/** A page of the application may put a token here; it is gone with the tab. */
const KEY = "bgtasks-token";

export const token = signal(stored());

export function setToken(text: string): void {
  token.value = text.trim().replace(/^bearer\s+/i, "");
  try {
    sessionStorage.setItem(KEY, token.peek());
  } catch {
    // Not kept over a reload where the browser keeps nothing.
  }
}

/** Forget the token, and all that was read with it. */
export function forgetToken(): void {
  try {
    sessionStorage.removeItem(KEY);
  } finally {
    location.reload();
  }
}

function stored(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
