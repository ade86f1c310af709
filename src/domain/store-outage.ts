/** The code of failures of an object store that pass by themselves: outages, overload, interrupted replies. */
export const STORE_UNAVAILABLE = 'STORE_UNAVAILABLE';
