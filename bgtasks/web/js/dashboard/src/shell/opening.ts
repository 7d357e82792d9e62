/** Which of the dialogs that keys open is open. */
import { signal } from "@preact/signals";

export const isPaletteOpen = signal(false);
export const areKeysOpen = signal(false);
