/** Is told once that it begins, and again after each interruption. */
export declare class Beginning {
    #private;
    private readonly began;
    constructor(began: () => void);
    /** From now on nothing is missed. */
    begin(): void;
    interrupt(): void;
}
