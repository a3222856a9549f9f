import type { PipeTransform } from '@nestjs/common';
import { DomainError, isUuid } from '#kernel';

/** An id of the path, lower-cased: `@Param('id', PathId) id: string`. What is no UUID names nothing: `not-found`. */
export const PathId: PipeTransform<string, string> = {
  transform(text: string): string {
    const id = text.toLowerCase();
    if (!isUuid(id)) throw new DomainError('not-found');
    return id;
  },
};
