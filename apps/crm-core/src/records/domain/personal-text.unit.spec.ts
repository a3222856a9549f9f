import { Secret } from '#kernel';
import { maskedText, maskedTextOrNull, personalText } from './personal-text.js';

describe('a text that a person wrote', () => {
  it('is kept as written, in NFC, and masked beside it', () => {
    const text = personalText('Андреи\u0306, 8 916 123-45-67', 'RU');
    expect(text.expose().text).toBe('Андрей, 8 916 123-45-67');
    expect(maskedText(text)).toContain('Андрей, ');
    expect(maskedText(text)).not.toMatch(/916|123|45/);
  });

  it('is erased in read models once its key was destroyed', () => {
    expect(maskedText(Secret.erased())).toBe('erased');
    expect(maskedTextOrNull(null)).toBeNull();
  });
});
