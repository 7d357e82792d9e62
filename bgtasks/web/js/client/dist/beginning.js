import { callSafely } from "./waiting.js";
/** Is told once that it begins, and again after each interruption. */
export class Beginning {
    began;
    #begun = false;
    constructor(began) {
        this.began = began;
    }
    /** From now on nothing is missed. */
    begin() {
        if (this.#begun)
            return;
        this.#begun = true;
        callSafely(this.began, undefined);
    }
    interrupt() {
        this.#begun = false;
    }
}
