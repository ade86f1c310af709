export const BLOCK: RegExp;
export function picture(): string;
