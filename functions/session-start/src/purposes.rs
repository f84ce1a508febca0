//! What a citizen must know before they start: what is asked and why, by whom, and when the number is answered.

use std::collections::BTreeMap;

use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde::Serialize;
use shared::answer::Answer;
use shared::clock::now;
use shared::problem::Problem;
use shared::purpose::{Controller, OpeningHours, Terms, Text};
use shared::request::path_parameter;

use crate::State;

/// The answer of `GET /purposes/{name}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPurpose<'a> {
    title: &'a Text,
    /// For who calls without ID-bellen.
    phone_number: &'a str,
    open: bool,
    opening_hours: &'a OpeningHours,
    controller: &'a Controller,
    privacy_url: &'a str,
    legal_basis: &'a Text,
    attributes: &'a BTreeMap<String, Terms>,
}

pub async fn show(state: &State, request: &Request) -> Result<Answer, Problem> {
    let purposes = state.purposes.current().await;
    let name = path_parameter(request, "name").parse().map_err(|_| Problem::NoSuchPurpose)?;
    let purpose = purposes.get(&name).ok_or(Problem::NoSuchPurpose)?;
    Ok(Answer::json(
        StatusCode::OK,
        &ShownPurpose {
            title: &purpose.title,
            phone_number: &purpose.phone_number,
            open: purpose.open_at(now()),
            opening_hours: &purpose.opening_hours,
            controller: &purpose.controller,
            privacy_url: &purpose.privacy_url,
            legal_basis: &purpose.legal_basis,
            attributes: &purpose.attributes,
        },
    ))
}
