/** Why a formula or a pattern cannot be evaluated here. It is listed with its rule, which is then not applied. */
export class Unsupported extends Error {}
