/** Nobody in particular: what core does before there is an administrator. Never a row of `read.principals`. */
export const SYSTEM_USER_ID = '00000000-0000-8000-8000-000000000000';
