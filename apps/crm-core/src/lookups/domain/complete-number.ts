import { Secret, refuseField } from '#kernel';
import { parsePhone } from '#privacy';

/**
 * The E.164 form that exact lookup compares, without an extension. Throws `masked-value`, and `incomplete-number` for everything that
 * is not one complete number; neither echoes it.
 */
export function completeNumber(text: string, region: string): Secret<string> {
  const parsed = parsePhone(text, region);
  if (parsed.ok) return new Secret(parsed.e164);
  if (parsed.reason === 'masked') return refuseField('masked-value', 'number', 'A mask is not a number');
  return refuseField('incomplete-number', 'number', 'Not one complete telephone number');
}
