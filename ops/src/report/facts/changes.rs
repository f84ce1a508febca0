//! Whatever else mentions what is ours.

use super::Facts;
use crate::report::event::Event;
use crate::report::finding::Kind;

impl Facts {
    /// Anything else that mentions what is ours.
    pub(super) fn take_change(&mut self, event: &Event<'_>, at: i64) {
        let mentioned = |text: &str| {
            let more = match &*event.event_source {
                "cloudtrail.amazonaws.com" => self.names.trail_mentioned(text),
                "cloudformation.amazonaws.com" => self.names.stack_mentioned(text),
                _ => false,
            };
            more || self.names.mentioned(text)
        };
        let ours = mentioned(event.asked()) || mentioned(event.named());
        // Another function with a role of ours: whatever it does, it has no business with it.
        if let Some((role, false)) = self.session(event)
            && (!ours || event.reads_only())
        {
            self.flag(event, at, Kind::OutOfRole, role.as_str(), None);
            return;
        }
        if !ours {
            let service = self.texts.number(&event.event_source);
            *self.not_ours.entry(service).or_default() += 1;
            return;
        }
        // Their own logs.
        if self.role(event).is_some() && event.event_source == "logs.amazonaws.com" {
            return;
        }
        if event.reads_only() {
            self.looked(event);
            return;
        }
        let kind = if event.is_deployment() { Kind::Deployment } else { Kind::Change };
        let on = event.arns().first().map_or_else(|| event.event_source.clone().into_owned(), |arn| (*arn).to_owned());
        self.flag(event, at, kind, &on, None);
    }
}
