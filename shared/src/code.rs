//! The DTMF code: what the citizen's phone dials after the number.

use std::str::FromStr;

use rand_core::TryCryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

const DIGITS: usize = 10;

/// Ten decimal digits, drawn uniformly. Known to the IRMA server, the citizen's phone and telephony, for as long as
/// it lives; whoever has it and may use the code key gets the [`Secret`](crate::secret::Secret), once.
///
/// It can be neither printed nor compared: it is looked up by what [`CodeKey`](crate::code_key::CodeKey) makes of it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Code([u8; DIGITS]);

/// What was keyed is not ten digits 0 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCode;

impl Code {
    /// Draws a code from `source`, in production the operating system (`getrandom::SysRng`).
    ///
    /// Of 34 random bits those that give a number of more than ten digits are thrown away and drawn again: a remainder
    /// instead would favour low codes.
    pub fn draw<R: TryCryptoRng>(source: &mut R) -> Result<Self, R::Error> {
        loop {
            let number = source.try_next_u64()? >> 30;
            if let Some(code) = Self::from_number(number) {
                return Ok(code);
            }
        }
    }

    /// The code as ASCII digits.
    #[must_use]
    pub fn digits(&self) -> &[u8; DIGITS] {
        &self.0
    }

    fn from_number(mut number: u64) -> Option<Self> {
        let mut digits = [b'0'; DIGITS];
        for digit in digits.iter_mut().rev() {
            // A remainder of ten always fits.
            *digit += u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
        (number == 0).then_some(Self(digits))
    }
}

impl FromStr for Code {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let digits: [u8; DIGITS] = text.as_bytes().try_into().map_err(|_| InvalidCode)?;
        if digits.iter().all(u8::is_ascii_digit) { Ok(Self(digits)) } else { Err(InvalidCode) }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use getrandom::SysRng;
    use proptest::prelude::*;
    use rand_core::{TryCryptoRng, TryRng};

    use super::*;

    /// Gives the numbers it was made with, in turn.
    struct Script(Vec<u64>);

    impl TryRng for Script {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("codes are drawn from 64 bits at a time")
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(self.0.remove(0))
        }
        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
            unreachable!("codes are drawn from 64 bits at a time")
        }
    }
    impl TryCryptoRng for Script {}

    fn drawn(numbers: &[u64]) -> String {
        let mut source = Script(numbers.iter().map(|number| number << 30).collect());
        let Ok(code) = Code::draw(&mut source);
        assert!(source.0.is_empty(), "draws no more than it needs");
        String::from_utf8_lossy(code.digits()).into_owned()
    }

    #[test]
    fn numbers_of_more_than_ten_digits_are_drawn_again() {
        assert_eq!(drawn(&[(1 << 34) - 1, 10_000_000_000, 9_999_999_999]), "9999999999");
    }

    proptest! {
        // Every number below 10^10 is as likely as any other 34 bits, and each gives its own code: no bias.
        #[test]
        fn each_number_below_ten_digits_is_its_own_code(number in 0_u64..10_000_000_000) {
            prop_assert_eq!(drawn(&[number]), format!("{number:010}"));
        }

        #[test]
        fn only_ten_ascii_digits_are_a_code(text in "\\PC{0,12}|[0-9]{9,11}|[0-9]{9}[०-९٠]") {
            let valid = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
            prop_assert_eq!(text.parse::<Code>().is_ok(), valid);
        }
    }

    #[test]
    fn codes_of_the_operating_system_are_uniform() {
        const DRAWS: u32 = 100_000;
        let mut counts = [[0_u32; 10]; DIGITS];
        for _ in 0..DRAWS {
            let code = Code::draw(&mut SysRng).unwrap();
            for (position, digit) in code.digits().iter().enumerate() {
                counts[position][usize::from(digit - b'0')] += 1;
            }
        }
        // Chi-squared, 9 degrees of freedom: above 60 once in 10^9 times at each of ten positions.
        let expected = f64::from(DRAWS) / 10.0;
        for (position, count) in counts.iter().enumerate() {
            let chi_squared: f64 = count.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
            assert!(chi_squared < 60.0, "digit {position} is not uniform: {chi_squared}");
        }
    }
}
