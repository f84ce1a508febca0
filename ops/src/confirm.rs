//! Questions to whoever sits at the terminal.

use std::io::{BufRead, IsTerminal, Write, stdin, stdout};

use anyhow::{Result, bail, ensure};

/// Fails if nobody can be asked; `otherwise` says what a script gives instead.
pub fn somebody_to_ask(otherwise: &str) -> Result<()> {
    ensure!(stdin().is_terminal(), "nobody to ask: standard input is no terminal. {otherwise}");
    Ok(())
}

/// Asks until the answer is yes or no, and gives whether it is yes. No answer is an error.
pub fn confirm(question: &str) -> Result<bool> {
    ask(question, &mut stdin().lock(), &mut stdout())
}

fn ask(question: &str, answers: &mut impl BufRead, questions: &mut impl Write) -> Result<bool> {
    loop {
        write!(questions, "{question} [yes/no] ")?;
        questions.flush()?;
        let mut answer = String::new();
        if answers.read_line(&mut answer)? == 0 {
            bail!("no answer");
        }
        match answer.trim().to_lowercase().as_str() {
            "yes" => return Ok(true),
            "no" => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(answers: &str) -> (Option<bool>, usize) {
        let mut questions = Vec::new();
        let answer = ask("Is it so?", &mut answers.as_bytes(), &mut questions);
        (answer.ok(), String::from_utf8_lossy(&questions).matches("Is it so? [yes/no] ").count())
    }

    #[test]
    fn only_yes_is_yes() {
        assert_eq!(answer("yes\n").0, Some(true));
        assert_eq!(answer("YES \r\n").0, Some(true));
        assert_eq!(answer("no\n").0, Some(false));
        for text in ["", "y\n", "\n", "yesno\n", "true\n"] {
            assert_eq!(answer(text).0, None, "{text:?}");
        }
    }

    #[test]
    fn any_other_answer_is_asked_again() {
        assert_eq!(answer("y\n\nmaybe\nyes\n"), (Some(true), 4));
    }
}
