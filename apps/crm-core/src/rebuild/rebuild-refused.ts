/** A rebuild cannot be done now, and why. The message is for the administrator: names of tables and what to do, no value of a row. */
export class RebuildRefused extends Error {}
