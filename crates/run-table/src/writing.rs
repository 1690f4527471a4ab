//! Writes runs, totals of days, and incidents.

use domain::{LocationName, ProbeName};
use run_record::time::start_of_day;
use run_record::{Incident, RunRecord, Summary};

use crate::items::{
    INCIDENTS, binary, day_key, expiry, partition, run_name, run_value, runs_key, text,
};
use crate::{RunTable, RunTableError};

impl RunTable {
    /// Stores a run. A second write of the same run replaces the first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn record(
        &self,
        probe: &ProbeName,
        location: Option<&LocationName>,
        run: &RunRecord,
    ) -> Result<(), RunTableError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", partition(probe))
            .key("sk", runs_key(run.due))
            .update_expression("SET #run = :run, expires_at = :expires")
            .expression_attribute_names("#run", run_name(run.due, location))
            .expression_attribute_values(":run", run_value(run))
            .expression_attribute_values(":expires", expiry(run.due));
        request.send().await.map(drop).map_err(|source| RunTableError::Record {
            probe: probe.clone(),
            source: Box::new(source),
        })
    }

    /// Stores the totals of a day of UTC that is over.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn put_day(
        &self,
        probe: &ProbeName,
        day: i64,
        summary: &Summary,
    ) -> Result<(), RunTableError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", partition(probe))
            .item("sk", day_key(day))
            .item("totals", binary(summary.encode()))
            .item("expires_at", expiry(start_of_day(day).unwrap_or_default()));
        request
            .send()
            .await
            .map(drop)
            .map_err(|source| RunTableError::Day { probe: probe.clone(), source: Box::new(source) })
    }

    /// Stores an incident, over an earlier state of it.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn put_incident(&self, incident: &Incident) -> Result<(), RunTableError> {
        let probe = &incident.what.probe;
        let json = serde_json::to_string(incident)
            .map_err(|source| RunTableError::Encode { probe: probe.clone(), source })?;
        let changed = incident.ended.unwrap_or(incident.what.opened);
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(INCIDENTS))
            .item("sk", text(format!("{:020}", incident.id.0)))
            .item("incident", text(json))
            .item("expires_at", expiry(changed));
        request.send().await.map(drop).map_err(|source| RunTableError::Incident {
            probe: probe.clone(),
            source: Box::new(source),
        })
    }
}
